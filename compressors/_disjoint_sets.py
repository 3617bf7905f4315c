"""Disjoint sets of whole numbers, joined pair by pair (Tarjan, J. ACM 22, 1975)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwsim.arrays import IntArray


class DisjointSets:
    """Sets of the numbers 0..count - 1; the smallest member stands for its set."""

    def __init__(self, count: int = 0) -> None:
        """Start with `count` sets of one number each."""
        self._parents = list(range(count))

    def extend(self, count: int) -> IntArray:
        """Return `count` new numbers, each a set of its own."""
        first = len(self._parents)
        self._parents += range(first, first + count)
        return np.arange(first, first + count)

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

    def roots(self) -> IntArray:
        """Return, for every number, the one that stands for its set."""
        return np.array([self.find(number) for number in range(len(self._parents))], np.int64)
