"""The values that leave a few of all outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from compressors.quantization.observers._observer import Range
    from hwsim.arrays import FloatArray


class Percentile:
    """The values that leave 100 - percent of all above, and as many below; exact.

    As `np.percentile(all, [100 - percent, percent])`, which interpolates linearly, but only the
    two tails are kept (McKinstry et al., arXiv 1809.04191, section 3, use 99.99).
    """

    def __init__(self, percent: float, total: int) -> None:
        """Expect `total` values."""
        # Rank of the upper value among `total` sorted ones, counted from the largest.
        self._rank = (total - 1) * (1.0 - percent / 100.0)
        self._keep = min(int(self._rank) + 2, total)
        self._lowest = self._highest = np.empty(0)

    def see(self, values: FloatArray) -> None:
        """See `Observer.see`."""
        self._lowest = self._tail(np.append(self._lowest, values))
        self._highest = -self._tail(-np.append(self._highest, values))

    def _tail(self, values: FloatArray) -> FloatArray:
        """Return the smallest of `values`, as many as the rank needs."""
        if values.size <= self._keep:
            return values
        return np.partition(values, self._keep - 1)[: self._keep]

    def range(self) -> Range:
        """See `Observer.range`."""
        at = np.arange(self._lowest.size)
        low = float(np.interp(self._rank, at, np.sort(self._lowest)))
        return low, -float(np.interp(self._rank, at, np.sort(-self._highest)))
