"""The smallest and the largest value, of all or averaged over batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from compressors.quantization.observers._observer import Range
    from hwsim.arrays import FloatArray


class MinMax:
    """The smallest and the largest value (Krishnamoorthi, arXiv 1806.08342, section 2)."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._low, self._high = np.inf, -np.inf

    def see(self, values: FloatArray) -> None:
        """See `Observer.see`."""
        self._low = min(self._low, float(values.min()))
        self._high = max(self._high, float(values.max()))

    def range(self) -> Range:
        """See `Observer.range`."""
        return self._low, self._high


class MovingAverage:
    """Ends of the batches' ranges, averaged: end <- momentum end + (1 - momentum) batch's end.

    The first batch is where it starts. Jacob et al., arXiv 1712.05877, section 3.1, average so in
    training; torch's MovingAverageMinMaxObserver has averaging_constant = 1 - momentum. A few
    outliers move it little; ranges of few batches stay near the first one's.
    """

    def __init__(self, momentum: float, batch: int) -> None:
        """Average over batches of `batch` samples, the last one what is left."""
        self._momentum, self._batch = momentum, batch
        self._lows: list[float] = []
        self._highs: list[float] = []

    def see(self, values: FloatArray) -> None:
        """See `Observer.see`."""
        # Ends are kept per sample: parts need not fall on the borders of batches.
        flat = values.reshape(len(values), -1)
        self._lows += flat.min(axis=1).tolist()
        self._highs += flat.max(axis=1).tolist()

    def range(self) -> Range:
        """See `Observer.range`."""
        starts = range(0, len(self._lows), self._batch)
        low = self._averaged([min(self._lows[i : i + self._batch]) for i in starts])
        return low, self._averaged([max(self._highs[i : i + self._batch]) for i in starts])

    def _averaged(self, ends: list[float]) -> float:
        average = ends[0]
        for end in ends[1:]:
            average = self._momentum * average + (1.0 - self._momentum) * end
        return average
