"""Counts of the values of a tensor, in bins over its whole range."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from compressors.quantization.observers._observer import Range
    from hwsim.arrays import Array, FloatArray, IntArray


class Histogram:
    """Equal bins over a range that is known beforehand; the last one holds its upper end too."""

    def __init__(self, seen: Range, bins: int) -> None:
        """Expect values within `seen`."""
        self._range = seen
        self.counts: IntArray = np.zeros(bins, np.int64)

    def see(self, values: Array) -> None:
        """Count `values` of any shape."""
        if self._range[0] < self._range[1]:
            self.counts += np.histogram(values, self.counts.size, self._range)[0]

    @property
    def width(self) -> float:
        """Of a bin."""
        return (self._range[1] - self._range[0]) / self.counts.size

    @property
    def middles(self) -> FloatArray:
        """Of all bins."""
        places = np.arange(self.counts.size, dtype=np.float64) + 0.5
        return self._range[0] + self.width * places
