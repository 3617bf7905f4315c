"""Which points no other beats in one figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Point

_COSTS = {
    "latency_s": "latency",
    "energy_j": "energy",
    "peak_ram_bytes": "peak RAM",
    "flash_bytes": "flash",
}


def best_of(points: Sequence[Point]) -> list[tuple[tuple[str, ...], Point]]:
    """Return the best points and what each is best at, the last thing with the batch it is for.

    Batches are named where there are several. Those that fit compete, or all where none fits; those
    of each batch among themselves, as figures are of a whole batch. Ties go to the more accurate
    one, then to what is better in the other figures, then to the first.

    Args:
        points: With figures.
    """
    by_batch: dict[int, list[Point]] = {}
    for point in [point for point in points if point.fits] or points:
        by_batch.setdefault(point.batch, []).append(point)
    if len(by_batch) == 1:
        return [found for among in by_batch.values() for found in _best_of(among)]
    return [
        ((*at[:-1], f"{at[-1]} at batch {batch}"), point)
        for batch, among in sorted(by_batch.items())
        for at, point in _best_of(among)
    ]


def _best_of(among: Sequence[Point]) -> list[tuple[tuple[str, ...], Point]]:
    best: dict[str, tuple[list[str], Point]] = {}
    for name, words in _COSTS.items():
        point = min(among, key=lambda p: (getattr(p, name), *_figures(p)))
        best.setdefault(point.key, ([], point))[0].append(words)
    judged = [point for point in among if point.top1 is not None]
    if judged:
        point = min(judged, key=_figures)
        best.setdefault(point.key, ([], point))[0].append("top-1")
    return [(tuple(words), point) for words, point in best.values()]


def _figures(point: Point) -> tuple[float, ...]:
    return (-(point.top1 or 0.0), *(getattr(point, name) for name in _COSTS))
