"""Disjoint sets of whole numbers, joined pair by pair or all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwsim.arrays import IntArray


class DisjointSets:
    """Sets of the numbers 0..count - 1; the smallest member stands for its set.

    They are asked while they grow: see Tarjan, "Efficiency of a Good But Not Linear Set Union
    Algorithm", J. ACM 22, 1975.
    """

    def __init__(self, count: int = 0) -> None:
        """Start with `count` sets of one number each."""
        self._parents = list(range(count))

    def find(self, number: int) -> int:
        """Return the number that stands for the set of `number`."""
        root = number
        while self._parents[root] != root:
            root = self._parents[root]
        while self._parents[number] != root:
            self._parents[number], number = root, self._parents[number]
        return root

    def join(self, a: int, b: int) -> None:
        """Make one set of the sets of `a` and `b`."""
        first, second = sorted((self.find(a), self.find(b)))
        self._parents[second] = first


def roots_of(count: int, left: IntArray, right: IntArray) -> IntArray:
    """Return for each of 0..count - 1 the smallest number that pairs connect it with.

    Roots hook onto smaller ones, then all paths are cut short, until no pair is left between two
    sets (Shiloach and Vishkin, "An O(log n) Parallel Connectivity Algorithm", J. Algorithms 3,
    1982): every round at least halves the sets that still have to meet.

    Args:
        count: Of numbers.
        left: One number of each pair.
        right: The other.
    """
    parents = np.arange(count)
    while True:
        a, b = parents[left], parents[right]
        apart = a != b
        if not apart.any():
            return parents
        left, right, a, b = left[apart], right[apart], a[apart], b[apart]
        np.minimum.at(parents, np.maximum(a, b), np.minimum(a, b))
        while not np.array_equal(parents, parents[parents]):
            parents = parents[parents]
