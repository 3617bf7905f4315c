"""What points come to, in words and figures, before anything is laid out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports.visible import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Point, Points

SHOWN: Final = 10
"""Values of an axis, and reasons of refusals, that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """An axis and the values that finished points have on it, in words."""

    name: str
    values: str
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a device refused points, and how many."""

    device: str
    reason: str
    n: int


def told(points: Points, asked: int | None = None) -> str:
    """Return how far a sweep is: `340 of 1,000 points finished, 12 refused`."""
    n = len(points.points)
    refused = sum(point.refused is not None for point in points.points)
    whole = f" of {asked:,}" if asked is not None and asked >= n else ""
    tail = f", {refused:,} of them refused" if refused else ""
    return f"{n:,}{whole} point{'' if (asked or n) == 1 else 's'} finished{tail}"


def axes_of(points: Points) -> list[Axis]:
    """Return the axes on which finished points have values."""
    axes: list[Axis] = []
    for name in points.axes:
        values = {str(p.axes[name]): p.axes[name] for p in points.points if name in p.axes}
        # Of more than ten values none is a truth.
        numbers = [v for v in values.values() if isinstance(v, int | float)]
        if len(numbers) == len(values) > SHOWN:
            words = f"{min(numbers)} .. {max(numbers)}"
        else:
            more = ", ..." if len(values) > SHOWN else ""
            words = ", ".join(map(visible, list(values)[:SHOWN])) + more
        axes.append(Axis(name=visible(name), values=words, n=len(values)))
    return axes


def reasons_of(points: Sequence[Point]) -> tuple[list[Reason], int]:
    """Return the commonest reasons of refusals, and how many others there are."""
    counts = Counter((p.device, p.refused) for p in points if p.refused is not None)
    shown = [
        Reason(device=visible(device), reason=visible(reason), n=n)
        for (device, reason), n in counts.most_common(SHOWN)
    ]
    return shown, len(counts) - len(shown)
