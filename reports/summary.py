"""The comparison as text, one section per model: what Markdown, terminal and HTML all show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from reports.causes import executed_as
from reports.heat import OTHER_BASELINE, heat_of
from reports.labels import device_label
from reports.pareto import front_of
from reports.speedup import speedup
from reports.units import BYTES, COUNTS, JOULES, SECONDS, Unit, unit_for
from reports.why import whys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Comparison, Refusal, Result
    from reports.heat import Heat
    from reports.why import Why

UNKNOWN: Final = "-"
ON_FRONT: Final = "◆"
LEGEND: Final = (
    f"{ON_FRONT} on the Pareto front of accuracy against latency of its model and device"
)
BRIEF: Final = "Executed as 5/8 dense: 5 of 8 layers run as dense_fallback."


@dataclass(frozen=True, slots=True)
class Column:
    """A header: what, and in which unit."""

    title: str
    unit: str = ""
    is_number: bool = True

    def __str__(self) -> str:
        """Return the header as one line."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title


@dataclass(frozen=True, slots=True)
class Row:
    """One result, and its text under each column."""

    result: Result
    is_baseline: bool
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """All that is said of one model.

    Attributes:
        model: Its name.
        heat: Speed-ups at a glance; None where recipes are not compared.
        columns: The first two are device and recipe. Columns of speed-ups and accuracies are left
            out where nothing is known of them.
        rows: Results, those of a device together.
        whys: What held results back.
        refusals: What could not run.
    """

    model: str
    heat: Heat | None
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    whys: tuple[Why, ...]
    refusals: tuple[Refusal, ...]

    @property
    def is_flat(self) -> bool:
        """Whether a device has one row only, so that it needs no heading."""
        return len({row.result.recipe for row in self.rows}) == 1


TextColumn: TypeAlias = tuple[Column, list[str]]


def sections(comparison: Comparison) -> tuple[Section, ...]:
    """Return one section per model, in the order asked for."""
    cells = (*comparison.results, *comparison.refusals)
    return tuple(_section(comparison, model) for model in dict.fromkeys(c.model for c in cells))


def notes(comparison: Comparison) -> tuple[str, ...]:
    """Return what a reader must know to read the tables."""
    lines = ["MACs: those whose weight is not zero / all of the dense model."]
    if comparison.baseline is not None:
        lines.append(f"Speed-ups refer to the recipe {comparison.baseline}.")
    own = [r for r in comparison.results if comparison.baseline_of(r) is r]
    if any(result.recipe != comparison.baseline for result in own):
        lines.append(f"{OTHER_BASELINE} baseline of a device that does not run that recipe.")
    if any(" over" in why.text for why in whys(comparison)):
        lines.append("Time over: what exceeds the baseline's divided by the ratio of the MACs.")
    if any(front_of(comparison.results)):
        lines.append(f"{LEGEND}.")
    return tuple(lines)


def _section(comparison: Comparison, model: str) -> Section:
    order = _by_device(model, comparison.results)
    fronts = front_of(comparison.results)
    results = [comparison.results[i] for i in order]
    columns = _columns(comparison, results, [fronts[i] for i in order])
    texts = zip(*(cells for _, cells in columns), strict=True)
    return Section(
        model=model,
        heat=heat_of(comparison, model),
        columns=tuple(column for column, _ in columns),
        rows=tuple(
            Row(result, comparison.baseline_of(result) is result, cells)
            for result, cells in zip(results, texts, strict=True)
        ),
        whys=tuple(why for why in whys(comparison) if why.model == model),
        refusals=tuple(r for r in comparison.refusals if r.model == model),
    )


def _by_device(model: str, results: Sequence[Result]) -> list[int]:
    own = [i for i, result in enumerate(results) if result.model == model]
    devices = list(dict.fromkeys(device_label(results[i]) for i in own))
    return sorted(own, key=lambda i: devices.index(device_label(results[i])))


def _columns(
    comparison: Comparison, results: Sequence[Result], fronts: Sequence[bool]
) -> list[TextColumn]:
    is_compared = comparison.baseline is not None
    is_judged = any(result.accuracy is not None for result in results)
    return [
        *_identity(results),
        _latencies(results),
        *([_speedups(comparison, results)] if is_compared else []),
        *_needs(results),
        *([_accuracies(results, fronts)] if is_judged else []),
        *_work(results),
    ]


def _identity(results: Sequence[Result]) -> list[TextColumn]:
    return [
        (Column("device", is_number=False), [device_label(result) for result in results]),
        (Column("recipe", is_number=False), [result.recipe for result in results]),
    ]


def _latencies(results: Sequence[Result]) -> TextColumn:
    unit = unit_for([result.latency_s for result in results], SECONDS)
    return Column("latency", unit.symbol), [_latency(result, unit) for result in results]


def _latency(result: Result, unit: Unit) -> str:
    low, high = result.estimate.latency_low_s, result.estimate.latency_high_s
    return f"{unit.text(result.latency_s)} ({unit.text(low)}-{unit.text(high)})"


def _needs(results: Sequence[Result]) -> list[TextColumn]:
    joules = unit_for([result.energy_j for result in results], JOULES)
    ram = unit_for([result.peak_ram_bytes for result in results], BYTES)
    flash = unit_for([result.flash_bytes for result in results], BYTES)
    return [
        (Column("energy", joules.symbol), [joules.text(result.energy_j) for result in results]),
        (Column("peak RAM", ram.symbol), [ram.text(result.peak_ram_bytes) for result in results]),
        (Column("flash", flash.symbol), [flash.text(result.flash_bytes) for result in results]),
        (Column("fits", is_number=False), ["yes" if result.fits else "NO" for result in results]),
    ]


def _speedups(comparison: Comparison, results: Sequence[Result]) -> TextColumn:
    gains = [speedup(comparison, result) for result in results]
    faster = [None if gain is None else gain.faster for gain in gains]
    return Column("speed-up", "x"), [UNKNOWN if f is None else f"{f:,.2f}" for f in faster]


def _accuracies(results: Sequence[Result], fronts: Sequence[bool]) -> TextColumn:
    return Column("top-1", "%"), [
        _accuracy(result, is_on_front) for result, is_on_front in zip(results, fronts, strict=True)
    ]


def _accuracy(result: Result, is_on_front: bool) -> str:
    if result.accuracy is None:
        return UNKNOWN
    return f"{100 * result.accuracy.top1:.1f}" + (f" {ON_FRONT}" if is_on_front else "")


def _work(results: Sequence[Result]) -> list[TextColumn]:
    estimates = [result.estimate for result in results]
    unit = unit_for([estimate.macs for estimate in estimates], COUNTS)
    return [
        (
            Column("MACs", unit.symbol),
            [f"{unit.text(e.macs_effective)} / {unit.text(e.macs)}" for e in estimates],
        ),
        (Column("executed as", is_number=False), [executed_as(result) for result in results]),
    ]
