"""What a page has room for.

Of points all fronts, the extremes, and an even sample of the rest; of results some of each device.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reports.labels import device_label
from reports.pareto import front
from reports.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hwsim.records import Comparison, Point, Points

MOST_POINTS: Final = 4000
MOST_RESULTS: Final = 300
DIGITS: Final = 6
"""Significant digits of a point's figures."""
FIGURES: Final = ("latency_s", "energy_j", "flash_bytes", "peak_ram_bytes")


def thinned(points: Points, most: int = MOST_POINTS) -> tuple[Points, int]:
    """Return at most about `most` points, in their order, and of how many they are."""
    everything = points.points
    if len(everything) <= most:
        return points, len(everything)
    kept = sorted(_essential(everything))[:most]
    left = sorted(set(range(len(everything))) - set(kept))
    room = most - len(kept)
    # Evenly over what is left, first and last included.
    kept += [left[i * (len(left) - 1) // max(1, room - 1)] for i in range(room)]
    rows = tuple(everything[i] for i in sorted(set(kept)))
    return type(points)(axes=points.axes, points=rows), len(everything)


def _essential(points: Sequence[Point]) -> set[int]:
    """Return the fronts of accuracy against each figure, and the least and most of each.

    Each model and device has its own.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for i, point in enumerate(points):
        if point.latency_s is not None:
            groups.setdefault((point.model, point.device), []).append(i)
    found: set[int] = set()
    for members in groups.values():
        for name in FIGURES:
            found |= _ends(points, members, name) | _front(points, members, name)
    return found


def _ends(points: Sequence[Point], members: Sequence[int], name: str) -> set[int]:
    known = [i for i in members if getattr(points[i], name) is not None]
    by: Callable[[int], float] = lambda i: getattr(points[i], name)  # noqa: E731
    return {min(known, key=by), max(known, key=by)} if known else set()


def _front(points: Sequence[Point], members: Sequence[int], name: str) -> set[int]:
    judged = [
        i for i in members if points[i].top1 is not None and getattr(points[i], name) is not None
    ]
    pairs = [(points[i].top1 or 0.0, float(getattr(points[i], name))) for i in judged]
    return {i for i, is_on in zip(judged, front(pairs), strict=True) if is_on}


def trimmed(comparison: Comparison, most: int = MOST_RESULTS) -> Comparison:
    """Return the comparison with about `most` results in their order, each with its baseline."""
    if len(comparison.results) <= most:
        return comparison
    chosen = [comparison.results[i] for i in list(by_turns(comparison))[:most]]
    kept = {id(r) for r in chosen} | {id(comparison.baseline_of(r)) for r in chosen}
    return replace(comparison, results=tuple(r for r in comparison.results if id(r) in kept))


def by_turns(comparison: Comparison) -> Iterator[int]:
    """Yield the places of all results, the first of each model and device before any second."""
    turns: dict[tuple[str, str], list[int]] = {}
    for i, result in enumerate(comparison.results):
        turns.setdefault((result.model, device_label(result)), []).append(i)
    for turn in range(max(map(len, turns.values()), default=0)):
        yield from (own[turn] for own in turns.values() if turn < len(own))


def columns_of(shown: tuple[Points, int]) -> dict[str, object]:
    """Return the points as columns, texts as places in a list of those that differ."""
    points, total = shown
    rows = points.points
    return {
        "axes": list(points.axes),
        "total": total,
        "count": len(rows),
        "values": {axis: [_short(p.axes.get(axis)) for p in rows] for axis in points.axes},
        "columns": {
            name: [_short(getattr(p, name)) for p in rows]
            for name in (*IDENTITY, *FIGURES, *OTHERS)
        },
    }


IDENTITY: Final = ("model", "recipe", "device", "seed")
OTHERS: Final = (
    "latency_low_s",
    "latency_high_s",
    "fits",
    "top1",
    "macs",
    "macs_effective",
    "is_calibrated",
    "refused",
)


def _short(value: object) -> object:
    if isinstance(value, str):
        return visible(value)
    return float(f"{value:.{DIGITS - 1}e}") if isinstance(value, float) else value
