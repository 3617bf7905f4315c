"""What a page has room for.

Of points all fronts, the extremes, and an even sample of the rest; of results some of each device.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinned:
    """The points that a page holds, and what it must say of those that it does not.

    Attributes:
        points: Those that it holds, in their order.
        total: How many the sweep has.
        refused: How many of all have no figures.
        needed: Points of all fronts and extremes.
        held: How many of these the page holds.
    """

    points: Points
    total: int
    refused: int
    needed: int
    held: int


def thinned(points: Points, most: int = MOST_POINTS) -> Thinned:
    """Return at most `most` points, in their order.

    The extremes of each model and device come first, then the fronts, and the rest by an even
    sample. Where the fronts alone are too many, each model and device has an equal share of the
    room, filled evenly along its front.
    """
    everything = points.points
    needed = 0
    kept, held = set(range(len(everything))), 0
    if len(everything) > most:
        groups = _groups(everything)
        ends = [_all_ends(everything, members) for members in groups]
        fronts = [_all_fronts(everything, members) for members in groups]
        needed = len(set[int]().union(*ends, *fronts))
        kept = set(list(_turns(ends))[:most])
        kept |= _shared([[i for i in own if i not in kept] for own in fronts], most - len(kept))
        held = len(kept)
        left = [i for i in range(len(everything)) if i not in kept]
        if held == needed:
            kept |= _evenly(left, most - held)
    return Thinned(
        points=replace(points, points=tuple(everything[i] for i in sorted(kept))),
        total=len(everything),
        refused=sum(point.latency_s is None for point in everything),
        needed=needed,
        held=held,
    )


def _groups(points: Sequence[Point]) -> list[list[int]]:
    """Return the places of the points with figures of each model and device."""
    groups: dict[tuple[str, str], list[int]] = {}
    for i, point in enumerate(points):
        if point.latency_s is not None:
            groups.setdefault((point.model, point.device), []).append(i)
    return list(groups.values())


def _all_ends(points: Sequence[Point], members: Sequence[int]) -> list[int]:
    """Return the least and the most of each figure, each point once."""
    return list(dict.fromkeys(i for name in FIGURES for i in _ends(points, members, name)))


def _all_fronts(points: Sequence[Point], members: Sequence[int]) -> list[int]:
    """Return the fronts of accuracy against each figure, the fastest point first."""
    found = set[int]().union(*(_front(points, members, name) for name in FIGURES))
    return sorted(found, key=lambda i: (points[i].latency_s or 0.0, i))


def _turns(groups: Sequence[Sequence[int]]) -> Iterator[int]:
    """Yield the first of each group before any second."""
    for turn in range(max(map(len, groups), default=0)):
        yield from (own[turn] for own in groups if turn < len(own))


def _shared(groups: Sequence[Sequence[int]], room: int) -> set[int]:
    """Return so many of all groups: what a small one does not need, larger ones share."""
    kept: set[int] = set()
    for done, own in enumerate(sorted(groups, key=len)):
        chosen = _evenly(own, min(len(own), room // (len(groups) - done)))
        room -= len(chosen)
        kept |= chosen
    return kept


def _evenly(places: Sequence[int], count: int) -> set[int]:
    """Return so many of the places, first and last included; all where they are fewer."""
    if count >= len(places):
        return set(places)
    return {places[i * (len(places) - 1) // max(1, count - 1)] for i in range(count)}


def _ends(points: Sequence[Point], members: Sequence[int], name: str) -> list[int]:
    known = [i for i in members if getattr(points[i], name) is not None]
    by: Callable[[int], float] = lambda i: getattr(points[i], name)  # noqa: E731
    return [min(known, key=by), max(known, key=by)] if known else []


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
    yield from _turns(list(turns.values()))


def columns_of(shown: Thinned) -> dict[str, object]:
    """Return the points as columns, and how many were left out."""
    points, rows = shown.points, shown.points.points
    return {
        "axes": list(points.axes),
        "total": shown.total,
        "refused": shown.refused,
        "needed": shown.needed,
        "held": shown.held,
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
