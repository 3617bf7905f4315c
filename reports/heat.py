"""The speed-ups of one model at a glance: recipes down, devices across."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports.labels import device_label
from reports.speedup import speedup
from reports.units import times

if TYPE_CHECKING:
    from hwsim.records import Comparison, Result

REFUSED: Final = "refused"
UNKNOWN: Final = "-"
OTHER_BASELINE: Final = "†"
"""Marks the baseline of a device that refuses the comparison's."""
SAME: Final = 0.05
"""Speed-ups this close to 1 are not coloured: no estimate is good to that."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One speed-up.

    Attributes:
        text: `4.18x`, or why there is none.
        shade: Logarithm of the speed-up, as a share of the table's largest: -1..1, 0 if about 1.
    """

    text: str
    shade: float


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One recipe.

    Attributes:
        recipe: Its name.
        is_baseline: Whether it is the comparison's.
        promise: Ratio of effective MACs, which a perfect device would turn into speed.
        cells: One per device.
    """

    recipe: str
    is_baseline: bool
    promise: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """Speed-ups of one model over its baseline."""

    baseline: str
    devices: tuple[str, ...]
    rows: tuple[HeatRow, ...]


def heat_of(comparison: Comparison, model: str) -> Heat | None:
    """Return the speed-ups of one model; None where fewer than two recipes are compared."""
    entries = [e for e in (*comparison.results, *comparison.refusals) if e.model == model]
    names = dict.fromkeys(entry.recipe for entry in entries)
    results = {(r.recipe, device_label(r)): r for r in comparison.results if r.model == model}
    if comparison.baseline is None or len(names) < 2 or not results:
        return None
    devices = tuple(dict.fromkeys(device_label(entry) for entry in entries))
    refused = {(e.recipe, device_label(e)) for e in comparison.refusals if e.model == model}
    scale = max((abs(_log(comparison, result)) for result in results.values()), default=0.0)
    rows: list[HeatRow] = []
    for recipe in sorted(names, key=lambda name: name != comparison.baseline):
        own = [results[recipe, d] for d in devices if (recipe, d) in results]
        cells = [
            _cell(comparison, results[recipe, device], scale)
            if (recipe, device) in results
            else Cell(REFUSED if (recipe, device) in refused else UNKNOWN, 0.0)
            for device in devices
        ]
        is_baseline = recipe == comparison.baseline
        rows.append(HeatRow(recipe, is_baseline, _promise(comparison, own), tuple(cells)))
    return Heat(comparison.baseline, devices, tuple(rows))


def _cell(comparison: Comparison, result: Result, scale: float) -> Cell:
    gain = speedup(comparison, result)
    if gain is None or gain.faster is None:
        return Cell(UNKNOWN, 0.0)
    is_other = gain.baseline is result and result.recipe != comparison.baseline
    mark = f" {OTHER_BASELINE}" if is_other else ""
    log = _log(comparison, result)
    return Cell(times(gain.faster) + mark, log / scale if log else 0.0)


def _log(comparison: Comparison, result: Result) -> float:
    gain = speedup(comparison, result)
    if gain is None or gain.faster is None or abs(gain.faster - 1) < SAME:
        return 0.0
    return math.log(gain.faster)


def _promise(comparison: Comparison, results: list[Result]) -> str:
    """Return the ratio on the first device that runs the comparison's own baseline."""
    for result in results:
        gain = speedup(comparison, result)
        is_own = gain is not None and gain.baseline.recipe == comparison.baseline
        if gain is not None and is_own and gain.fewer_macs is not None:
            return times(gain.fewer_macs)
    return UNKNOWN
