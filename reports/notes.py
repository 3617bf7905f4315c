"""What a reader must know to read the tables: only of what they show."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from reports.heat import OTHER_BASELINE
from reports.labels import device_label
from reports.overrides import spelled_out
from reports.summary import ON_FRONT

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from hwsim.records import Accuracy, Comparison
    from reports.summary import Section

LEGEND: Final = (
    f"{ON_FRONT} on the Pareto front of accuracy against latency of its model and device."
)


def notes(
    comparison: Comparison, models: Sequence[Section], hidden: Container[str] = ()
) -> tuple[str, ...]:
    """Return the notes to a comparison.

    Args:
        comparison: Overrides as they were given.
        models: Its sections, as they are shown.
        hidden: Titles of columns that are not shown.
    """
    lines: list[str] = []
    if "MACs" not in hidden and comparison.results:
        lines.append("MACs: those whose weight is not zero / all of the dense model.")
    own = [r for r in comparison.results if comparison.baseline_of(r) is r]
    if any(result.recipe != comparison.baseline for result in own):
        lines.append(f"{OTHER_BASELINE} baseline of a device that does not run that recipe.")
    if any(" over" in why.text for model in models for why in model.whys):
        lines.append("Time over: what exceeds the baseline's divided by the ratio of the MACs.")
    batches = sorted({result.batch for result in comparison.results} - {1})
    if batches:
        told = ", ".join(f"{batch:,}" for batch in batches)
        lines.append(
            f"Latency and energy are of a whole batch: of {told} samples where it says so."
        )
    if "top-1" not in hidden:
        lines += _samples(comparison)
        rows = [row for model in models for row in model.rows]
        if any(cell.endswith(ON_FRONT) for row in rows for cell in row.cells[2:]):
            lines.append(LEGEND)
    return (*lines, *spelled_out(comparison))


def _samples(comparison: Comparison) -> Iterator[str]:
    """Yield a line per number of samples: it bounds what a difference may mean."""
    judged = [result.accuracy for result in comparison.results if result.accuracy is not None]
    for n in dict.fromkeys(accuracy.n for accuracy in judged):
        noise = _noise(comparison, n)
        blur = (
            ""
            if noise is None
            else f"; differences below {100 * noise:.2g} points are within their noise"
        )
        yield f"top-1 of {n:,} samples{blur}."


def _noise(comparison: Comparison, n: int) -> float | None:
    """Return the largest standard error that hides a difference; None where none is hidden.

    The standard error of a share p of n samples is sqrt(p (1 - p) / n).
    """
    groups: dict[tuple[str, str], list[Accuracy]] = {}
    for result in comparison.results:
        if result.accuracy is not None and result.accuracy.n == n:
            place = (result.model, device_label(result))
            groups.setdefault(place, []).append(result.accuracy)
    hiding = [
        error
        for group in groups.values()
        for one in group
        for other in group
        if 0 < abs(one.top1 - other.top1) < (error := _standard_error(one))
    ]
    return max(hiding, default=None)


def _standard_error(accuracy: Accuracy) -> float:
    return math.sqrt(accuracy.top1 * (1 - accuracy.top1) / accuracy.n)
