"""The range of least squared error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compressors.quantization.observers._histogram import Histogram

if TYPE_CHECKING:
    from compressors.quantization.observers._observer import Range
    from hwsim.arrays import FloatArray

_BINS = 2048
# Each end is tried at so many equal parts of itself.
_PARTS = 100
# One end is searched, then the other; few rounds are ever needed.
_MOST_ROUNDS = 4


class LeastError:
    """The range whose encoding errs least: sum (x - decode(encode(x)))^2, clipping included.

    The error is measured on a histogram, each bin standing in its middle, for every hundredth of
    either end in turn until none gets better: a search where OCTAV (Sakr et al., arXiv 2206.06501)
    and ACIQ (Banner et al., arXiv 1810.05723) have formulas. Ranges include 0.
    """

    def __init__(self, seen: Range, bits: int, is_symmetric: bool) -> None:
        """Expect values within `seen`, to be encoded in `bits`, about 0 or with a zero point."""
        self._low, self._high = min(seen[0], 0.0), max(seen[1], 0.0)
        self._bits, self._is_symmetric = bits, is_symmetric
        self._histogram = Histogram((self._low, self._high), _BINS)

    def see(self, values: FloatArray) -> None:
        """See `Observer.see`."""
        self._histogram.see(values)

    def range(self) -> Range:
        """See `Observer.range`."""
        parts = np.arange(_PARTS, 0, -1) / _PARTS
        if self._is_symmetric:
            largest = max(-self._low, self._high)
            ends = largest * parts
            best = float(ends[self._errors(-ends, ends).argmin()])
            return max(-best, self._low), min(best, self._high)
        low, high = self._low, self._high
        for _ in range(_MOST_ROUNDS):
            before = low, high
            lows = self._low * parts
            low = float(lows[self._errors(lows, np.full(_PARTS, high)).argmin()])
            highs = self._high * parts
            high = float(highs[self._errors(np.full(_PARTS, low), highs).argmin()])
            if (low, high) == before:
                break
        return low, high

    def _errors(self, lows: FloatArray, highs: FloatArray) -> FloatArray:
        """Return the squared error of each range [lows, highs], summed over all values."""
        taken = self._histogram.counts > 0
        x, counts = self._histogram.middles[taken], self._histogram.counts[taken]
        smallest = -(1 << (self._bits - 1)) + self._is_symmetric
        largest = (1 << (self._bits - 1)) - 1
        scale = (highs - lows)[:, None] / (largest - smallest)
        scale = np.where(scale > 0, scale, 1.0)
        zero = np.zeros_like(scale)
        if not self._is_symmetric:
            zero = np.clip(np.rint(smallest - lows[:, None] / scale), smallest, largest)
        codes = np.clip(np.rint(x / scale) + zero, smallest, largest)
        return ((scale * (codes - zero) - x) ** 2) @ counts
