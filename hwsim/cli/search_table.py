"""The front of a search, as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from hwsim.search import front
from hwsim.search.space import ACCURACY, COSTS, figure
from hwsim.search.trial import violated
from reports.units import BYTES, JOULES, SECONDS, unit_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Result
    from hwsim.search import Space, Trial

_HEADINGS = {
    "latency_s": ("latency", SECONDS),
    "energy_j": ("energy", JOULES),
    "peak_ram_bytes": ("peak RAM", BYTES),
    "flash_bytes": ("flash", BYTES),
}


def front_table(trials: Sequence[Trial], space: Space, device: str) -> Table:
    """Return the Pareto front by its first objective, under one line that says of how many.

    Axes of one value are left out, and what every choice shares.
    """
    best = [(trial, trial.result) for trial in front(trials, space) if trial.result is not None]
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.title = _title(trials, space, len(best), device)
    axes = [axis for axis, values in space.axes.items() if len(values) > 1]
    stages = len({trial.stage for trial in trials}) > 1
    for heading in ("trial", *(["stage"] if stages else []), *axes):
        table.add_column(heading, justify="right")
    units = {
        name: unit_for((figure(result, name) for _, result in best), _HEADINGS[name][1])
        for name in COSTS
    }
    for name, unit in units.items():
        table.add_column(f"{_HEADINGS[name][0]} {escape(f'[{unit.symbol}]')}", justify="right")
    table.add_column("top-1 [%]", justify="right")
    for trial, result in best:
        table.add_row(
            str(trial.number),
            *([trial.stage] if stages else []),
            *(str(trial.choice[axis]) for axis in axes),
            *(unit.text(figure(result, name)) for name, unit in units.items()),
            _accuracy(result),
        )
    return table


def _title(trials: Sequence[Trial], space: Space, best: int, device: str) -> str:
    refused = sum(trial.refused is not None for trial in trials)
    beyond = sum(bool(violated(trial, space)) for trial in trials)
    notes = [f"{refused} refused"] if refused else []
    notes += [f"{beyond} beyond a limit"] if beyond else []
    told = f" ({', '.join(notes)})" if notes else ""
    return f"{device}: {best} of {len(trials)} trials{told} are best"


def _accuracy(result: Result) -> str:
    return "-" if result.accuracy is None else f"{100 * figure(result, ACCURACY):.2f}"
