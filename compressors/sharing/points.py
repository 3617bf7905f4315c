"""Numbers on a line, in order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, IntArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """Numbers on a line, ascending, with sums from the left that give those of any interval.

    Attributes:
        values: [n] float64, each number once.
        counts: [n] int64, how often each occurs.
    """

    values: FloatArray
    counts: IntArray

    @classmethod
    def of(cls, values: Array) -> Points:
        """Return the numbers in `values` (any shape, at least one)."""
        distinct, counts = np.unique(values, return_counts=True)
        return cls(values=distinct.astype(np.float64), counts=counts.astype(np.int64))

    @cached_property
    def mass(self) -> FloatArray:
        """How many numbers lie left of each place: [n + 1]."""
        return np.concatenate(([0.0], np.cumsum(self.counts, dtype=np.float64)))

    @cached_property
    def moment(self) -> FloatArray:
        """Their sum: [n + 1]."""
        return np.concatenate(([0.0], np.cumsum(self.counts * self.values)))
