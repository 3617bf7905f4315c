"""The comparison as text, one section per model: what Markdown, terminal and HTML all show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from reports.causes import executed_as
from reports.heat import heat_of
from reports.labels import device_label
from reports.overrides import grouped
from reports.pareto import front_of, rivals_of
from reports.speedup import speedup
from reports.units import BYTES, COUNTS, JOULES, SECONDS, unit_for
from reports.why import whys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hwsim.records import Comparison, Refusal, Result
    from reports.heat import Heat
    from reports.units import Ladder, Unit
    from reports.why import Why

UNKNOWN: Final = "-"
ON_FRONT: Final = "◆"


@dataclass(frozen=True, slots=True)
class Column:
    """A header: what, and in which unit; none where the unit differs from device to device."""

    title: str
    unit: str = ""
    is_number: bool = True

    def __str__(self) -> str:
        """Return the header as one line."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title


@dataclass(frozen=True, slots=True)
class Row:
    """One result, its text under each column, and the units that the headers do not state."""

    result: Result
    is_baseline: bool
    cells: tuple[str, ...]
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A recipe that devices refuse for the same reason."""

    recipe: str
    devices: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """All that is said of one model.

    Attributes:
        model: Its name.
        heat: Speed-ups at a glance; None where recipes are not compared.
        columns: The first two are device and recipe. Columns of speed-ups and accuracies are left
            out where nothing is known of them.
        rows: Results, those of a device together, and in the same units.
        whys: What held results back.
        refusals: What could not run, equal reasons once.
    """

    model: str
    heat: Heat | None
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    whys: tuple[Why, ...]
    refusals: tuple[Refused, ...]

    @property
    def is_flat(self) -> bool:
        """Whether a device has one row only, so that it needs no heading."""
        return len({row.result.recipe for row in self.rows}) == 1


@dataclass(frozen=True, slots=True)
class _Filled:
    """A column with its cells, and the unit of each that its header does not state."""

    column: Column
    cells: tuple[str, ...]
    units: tuple[str, ...]


Writer: TypeAlias = "Callable[[Result, Unit], str]"


def sections(comparison: Comparison) -> tuple[Section, ...]:
    """Return one section per model, in the order asked for."""
    cells = (*comparison.results, *comparison.refusals)
    held_back = whys(comparison)
    return tuple(
        _section(comparison, model, tuple(why for why in held_back if why.model == model))
        for model in dict.fromkeys(c.model for c in cells)
    )


def _section(comparison: Comparison, model: str, held_back: tuple[Why, ...]) -> Section:
    results = _by_device([result for result in comparison.results if result.model == model])
    filled = _columns(comparison, results)
    is_compared = len({result.recipe for result in results}) > 1
    return Section(
        model=model,
        heat=heat_of(comparison, model),
        columns=tuple(each.column for each in filled),
        rows=tuple(
            Row(
                result,
                is_compared and comparison.baseline_of(result) is result,
                tuple(each.cells[i] for each in filled),
                tuple(each.units[i] for each in filled),
            )
            for i, result in enumerate(results)
        ),
        whys=held_back,
        refusals=_refused([r for r in comparison.refusals if r.model == model]),
    )


def _refused(refusals: Sequence[Refusal]) -> tuple[Refused, ...]:
    groups: dict[tuple[str, str], list[Refusal]] = {}
    for refusal in refusals:
        groups.setdefault((refusal.recipe, refusal.reason), []).append(refusal)
    return tuple(
        Refused(recipe, ", ".join(grouped(same)), reason)
        for (recipe, reason), same in groups.items()
    )


def _by_device(results: Sequence[Result]) -> list[Result]:
    devices = list(dict.fromkeys(map(device_label, results)))
    return sorted(results, key=lambda result: devices.index(device_label(result)))


def _columns(comparison: Comparison, results: Sequence[Result]) -> list[_Filled]:
    is_compared = comparison.baseline is not None and len({r.recipe for r in results}) > 1
    is_judged = any(result.accuracy is not None for result in results)
    latency_s = [result.latency_s for result in results]
    return [
        _plain(Column("device", is_number=False), [device_label(result) for result in results]),
        _plain(Column("recipe", is_number=False), [result.recipe for result in results]),
        _of_batch(_scaled("latency", SECONDS, results, latency_s, _latency), results),
        *([_speedups(comparison, results)] if is_compared else []),
        *_needs(results),
        *([_accuracies(results)] if is_judged else []),
        *_work(results),
    ]


def _plain(column: Column, cells: Sequence[str]) -> _Filled:
    return _Filled(column, tuple(cells), ("",) * len(cells))


def _scaled(
    title: str,
    ladder: Ladder,
    results: Sequence[Result],
    values: Sequence[float],
    text: Writer | None = None,
) -> _Filled:
    """Return a column whose unit suits each device; the header has it where all agree.

    One unit for all would print a microcontroller's kilobytes as 0.0105 MiB beside a GPU's.
    """
    places = [device_label(result) for result in results]
    units = {
        place: unit_for([v for v, p in zip(values, places, strict=True) if p == place], ladder)
        for place in places
    }
    cells = tuple(
        units[place].text(value) if text is None else text(result, units[place])
        for result, place, value in zip(results, places, values, strict=True)
    )
    symbols = tuple(units[place].symbol for place in places)
    if len(set(symbols)) == 1:
        return _plain(Column(title, symbols[0]), cells)
    return _Filled(Column(title), cells, symbols)


def _of_batch(filled: _Filled, results: Sequence[Result]) -> _Filled:
    """Return a column that says of how many samples it is; labels do where batches differ."""
    batches = {result.batch for result in results}
    if batches == {1} or len(batches) != 1:
        return filled
    unit = f"{filled.column.unit} of {batches.pop():,} samples".strip()
    return replace(filled, column=replace(filled.column, unit=unit))


def _latency(result: Result, unit: Unit) -> str:
    low, high = result.estimate.latency_low_s, result.estimate.latency_high_s
    return f"{unit.text(result.latency_s)} ({unit.text(low)}-{unit.text(high)})"


def _needs(results: Sequence[Result]) -> list[_Filled]:
    return [
        _of_batch(_scaled("energy", JOULES, results, [r.energy_j for r in results]), results),
        _scaled("peak RAM", BYTES, results, [result.peak_ram_bytes for result in results]),
        _scaled("flash", BYTES, results, [result.flash_bytes for result in results]),
        _plain(
            Column("fits", is_number=False), ["yes" if result.fits else "NO" for result in results]
        ),
    ]


def _speedups(comparison: Comparison, results: Sequence[Result]) -> _Filled:
    gains = [speedup(comparison, result) for result in results]
    faster = [None if gain is None else gain.faster for gain in gains]
    return _plain(Column("speed-up", "x"), [UNKNOWN if f is None else f"{f:,.2f}" for f in faster])


def _accuracies(results: Sequence[Result]) -> _Filled:
    return _plain(
        Column("top-1", "%"),
        [
            _accuracy(result, is_on_front and rivals > 1)
            for result, is_on_front, rivals in zip(
                results, front_of(results), rivals_of(results), strict=True
            )
        ],
    )


def _accuracy(result: Result, is_marked: bool) -> str:
    if result.accuracy is None:
        return UNKNOWN
    return f"{100 * result.accuracy.top1:.1f}" + (f" {ON_FRONT}" if is_marked else "")


def _work(results: Sequence[Result]) -> list[_Filled]:
    estimates = [result.estimate for result in results]
    unit = unit_for([estimate.macs for estimate in estimates], COUNTS)
    return [
        _plain(
            Column("MACs", unit.symbol),
            [f"{unit.text(e.macs_effective)} / {unit.text(e.macs)}" for e in estimates],
        ),
        _plain(Column("executed as", is_number=False), [executed_as(r) for r in results]),
    ]
