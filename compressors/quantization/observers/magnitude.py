"""The mean magnitude, which signs stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from compressors.quantization.observers._observer import Range
    from hwsim.arrays import FloatArray


class MeanMagnitude:
    """beta = mean |x|, of least squared error for beta sign(x) (arXiv 1603.05279, section 3.2)."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._total, self._count = 0.0, 0

    def see(self, values: FloatArray) -> None:
        """See `Observer.see`."""
        self._total += float(np.abs(values).sum())
        self._count += values.size

    def range(self) -> Range:
        """Return (-beta, beta)."""
        beta = self._total / self._count
        return -beta, beta
