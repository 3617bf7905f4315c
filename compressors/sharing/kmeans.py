"""k-means of numbers on a line, where clusters are intervals: starts, and Lloyd's iteration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from compressors.sharing.optimal import optimal

if TYPE_CHECKING:
    from compressors.sharing.points import Points
    from hwsim.arrays import Array, FloatArray, IntArray

Init: TypeAlias = Literal["linear", "density", "random", "optimal"]
"""Where centroids start; `optimal` needs no iteration."""

# Far more than needed: a few hundred move centroids of ten million weights to where they stay.
_MOST_ITERATIONS = 100_000


def cluster(points: Points, count: int, init: Init, seed: int = 0) -> FloatArray:
    """Return at most `count` centroids, ascending; the points themselves where they are as few.

    Args:
        points: Some.
        count: At least 1.
        init: Where centroids start, or `optimal`.
        seed: Of `random`.
    """
    if len(points.values) <= count:
        return points.values
    if init == "optimal":
        return optimal(points, count)
    return lloyd(points, start(points, count, init, seed))


def nearest(values: Array, centroids: FloatArray) -> IntArray:
    """Return the index of the centroid nearest to each value, of two equally near the lower.

    Args:
        values: Of any shape.
        centroids: [k], ascending.
    """
    return np.asarray(np.searchsorted(_borders(centroids), values), np.int64)


def start(points: Points, count: int, init: Init, seed: int) -> FloatArray:
    """Return `count` centroids to start from, ascending (Han et al., arXiv 1510.00149, 3.2).

    Args:
        points: More than `count`.
        count: At least 1.
        init: `linear`: from the least to the largest, equally far apart; `density`: equally many
            numbers apart; `random`: different numbers drawn at random (Forgy).
        seed: Of the draw.
    """
    if init == "linear":
        return np.asarray(np.linspace(points.values[0], points.values[-1], count), np.float64)
    if init == "density":
        ranks = (np.arange(count) + 0.5) / count * points.mass[-1]
        return points.values[np.searchsorted(points.mass, ranks) - 1]
    drawn = np.random.default_rng(seed).choice(len(points.values), count, replace=False)
    return points.values[np.sort(drawn)]


def lloyd(points: Points, centroids: FloatArray) -> FloatArray:
    """Return where Lloyd's iteration leaves `centroids`: each the mean of what is nearest to it.

    Those that nothing is nearest to move to the numbers that lie farthest from their own.
    """
    edges = _edges(points, centroids)
    for _ in range(_MOST_ITERATIONS):
        mass = np.diff(points.mass[edges])
        used = mass > 0
        means = np.diff(points.moment[edges])[used] / mass[used]
        moved = _farthest(points, means, len(mass) - len(means))
        centroids = np.sort(np.concatenate((means, moved)))
        before, edges = edges, _edges(points, centroids)
        if np.array_equal(before, edges) and not moved.size:
            break
    return centroids


def _edges(points: Points, centroids: FloatArray) -> IntArray:
    """Return where the interval of each centroid starts among the points, and the end: [k + 1]."""
    inner = np.searchsorted(points.values, _borders(centroids), side="right")
    return np.concatenate(([0], inner, [len(points.values)])).astype(np.int64)


def _borders(centroids: FloatArray) -> FloatArray:
    return (centroids[:-1] + centroids[1:]) / 2


def _farthest(points: Points, centroids: FloatArray, count: int) -> FloatArray:
    """Return the `count` numbers that lie farthest from the centroid nearest to them."""
    if count == 0:
        return np.zeros(0)
    distances = np.abs(points.values - centroids[nearest(points.values, centroids)])
    return points.values[np.argsort(-distances, kind="stable")[:count]]
