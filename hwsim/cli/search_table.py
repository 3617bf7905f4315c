"""The front of a search, as tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from hwsim.search import front
from hwsim.search.figures import COSTS
from hwsim.search.trial import violated
from reports.units import BYTES, JOULES, SECONDS, unit_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.search import Figures, Space, Trial

_HEADINGS = {
    "latency_s": ("latency", SECONDS),
    "energy_j": ("energy", JOULES),
    "peak_ram_bytes": ("peak RAM", BYTES),
    "flash_bytes": ("flash", BYTES),
}


def front_tables(trials: Sequence[Trial], space: Space) -> list[Table]:
    """Return the Pareto front by its first objective, a table for each device.

    The first says of how many trials these are the best. Axes of one value are left out, and what
    every choice shares.
    """
    best = front(trials, space)
    devices = [each.device for each in next(trial.figures for trial in trials if trial.figures)]
    told = _told(trials, space, len(best))
    has_stages = len({trial.stage for trial in trials}) > 1
    tables = [_table(best, place, space, has_stages=has_stages) for place in range(len(devices))]
    for table, device in zip(tables, devices, strict=True):
        table.title = device
    if len(devices) == 1:
        tables[0].title = f"{devices[0]}: {told}"
        return tables
    tables[0].title = (
        f"{told}, by the geometric mean of {len(devices)} devices and the worst accuracy\n"
        f"{devices[0]}"
    )
    return tables


def _table(best: Sequence[Trial], place: int, space: Space, *, has_stages: bool) -> Table:
    """Return the figures of the device at this place."""
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    axes = [axis for axis, values in space.axes.items() if len(values) > 1]
    for heading in ("trial", *(["stage"] if has_stages else []), *axes):
        table.add_column(heading, justify="right")
    shown = [(trial, trial.figures[place]) for trial in best]
    units = {
        name: unit_for((figures.value(name) for _, figures in shown), _HEADINGS[name][1])
        for name in COSTS
    }
    for name, unit in units.items():
        table.add_column(f"{_HEADINGS[name][0]} {escape(f'[{unit.symbol}]')}", justify="right")
    table.add_column("top-1 [%]", justify="right")
    for trial, figures in shown:
        table.add_row(
            str(trial.number),
            *([trial.stage] if has_stages else []),
            *(str(trial.choice[axis]) for axis in axes),
            *(unit.text(figures.value(name)) for name, unit in units.items()),
            _accuracy(figures),
        )
    return table


def _told(trials: Sequence[Trial], space: Space, best: int) -> str:
    refused = sum(trial.refused is not None for trial in trials)
    beyond = sum(bool(violated(trial, space)) for trial in trials)
    notes = [f"{refused} refused"] if refused else []
    notes += [f"{beyond} beyond a limit"] if beyond else []
    told = f" ({', '.join(notes)})" if notes else ""
    return f"{best} of {len(trials)} trials{told} are best"


def _accuracy(figures: Figures) -> str:
    return "-" if figures.accuracy is None else f"{100 * figures.accuracy:.2f}"
