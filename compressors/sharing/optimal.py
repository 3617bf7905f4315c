"""The best clusters on a line, by dynamic programming."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import kernel

if TYPE_CHECKING:
    from compressors.sharing.points import Points
    from hwsim.arrays import Array, FloatArray, IntArray

MOST_CUTS = 1 << 28
"""Places remembered, one per number and cluster: 1 GiB of them."""

# Ranges that wait are halves of halves: two per bit of an index.
_DEEPEST = 128


def optimal(points: Points, count: int) -> FloatArray:
    """Return the `count` centroids of least total squared distance, ascending.

    With D[q, i] the least cost of the first i numbers in q clusters, D[q, i] = min over j of
    D[q - 1, j] + cost(j, i), and the best j does not fall as i grows: halving the range of i
    finds a row in n log n steps (Gronlund et al., arXiv 1701.07204, section 2).

    Args:
        points: At least `count`, and count times as many at most `MOST_CUTS`.
        count: At least 1.
    """
    size = len(points.values)
    # Sums of squares about the mean lose fewer digits than those about 0.
    centred = points.values - points.moment[-1] / points.mass[-1]
    mass = points.mass
    moment = np.concatenate(([0.0], np.cumsum(points.counts * centred)))
    square = np.concatenate(([0.0], np.cumsum(points.counts * centred**2)))
    cuts = np.zeros((count, size + 1), np.uint32)
    costs = np.full(size + 1, np.inf)
    costs[1:] = square[1:] - moment[1:] ** 2 / mass[1:]
    for clusters in range(2, count + 1):
        after = np.full(size + 1, np.inf)
        waiting = np.zeros((_DEEPEST, 4), np.int64)
        _add_cluster(clusters, mass, moment, square, costs, after, cuts[clusters - 1], waiting)
        costs = after
    ends = np.zeros(count + 1, np.int64)
    ends[count] = size
    for cluster in range(count - 1, 0, -1):
        ends[cluster] = cuts[cluster, ends[cluster + 1]]
    return np.diff(points.moment[ends]) / np.diff(mass[ends])


@kernel
def _add_cluster(
    clusters: int,
    mass: FloatArray,
    moment: FloatArray,
    square: FloatArray,
    costs: FloatArray,
    after: FloatArray,
    cuts: Array,
    waiting: IntArray,
) -> None:
    """Find the best start of the last of so many clusters, for every number of points.

    Args:
        clusters: At least 2.
        mass: [n + 1] sums from the left of counts,
        moment: of numbers,
        square: and of their squares.
        costs: [n + 1] with one cluster less.
        after: [n + 1], overwritten.
        cuts: [n + 1], overwritten with the start of the last cluster.
        waiting: [128, 4] to work with.
    """
    top = 1
    waiting[0] = (clusters, mass.size - 1, clusters - 1, mass.size - 2)
    while top > 0:
        top -= 1
        low, high, least, most = waiting[top]
        middle = (low + high) // 2
        best, at = np.inf, least
        for j in range(least, min(most, middle - 1) + 1):
            total = moment[middle] - moment[j]
            spread = square[middle] - square[j] - total * total / (mass[middle] - mass[j])
            if costs[j] + spread < best:
                best, at = costs[j] + spread, j
        after[middle] = best
        cuts[middle] = at
        if low < middle:
            waiting[top] = (low, middle - 1, least, at)
            top += 1
        if middle < high:
            waiting[top] = (middle + 1, high, at, most)
            top += 1
