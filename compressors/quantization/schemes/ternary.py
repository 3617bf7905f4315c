"""Zero, and one positive number with both signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from compressors.quantization.scales import nearest_power
from compressors.quantization.schemes._scales import (
    Granularity,
    symmetric_quant,
    units,
)

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray, IntArray
    from hwsim.numerics import Quant

_THRESHOLD = 0.7
"""Of mean |w|: about where the error is least for normal and for uniform weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ternary:
    """w = alpha t: t = sign(w) where |w| > delta, else 0; alpha = mean of |w| over those kept.

    delta = 0.7 mean |w| (Li and Liu, "Ternary Weight Networks", arXiv 1605.04711, section 2.2).

    Attributes:
        granularity: One delta and alpha per filter, or per tensor as in the paper.
        power_of_two_scales: Whether alphas are the powers of two of nearest exponent.
    """

    name: ClassVar[str] = "ternary"
    storage: ClassVar[str] = "trits"
    granularity: Granularity = "channel"
    power_of_two_scales: bool = False

    @property
    def bits(self) -> int:
        """See `Scheme.bits`."""
        return 2

    def levels(self) -> IntArray:
        """See `Scheme.levels`."""
        return np.array([-1, 0, 1], np.int64)

    def _kept(self, real: FloatArray) -> FloatArray:
        """Return 1.0 where |w| exceeds its unit's threshold, of the shape of `units`."""
        magnitudes = np.abs(units(real, self.granularity, None))
        delta = _THRESHOLD * magnitudes.mean(axis=1, keepdims=True)
        return (magnitudes > delta).astype(np.float64)

    def quant(self, real: FloatArray) -> Quant:
        """See `Scheme.quant`."""
        kept = self._kept(real)
        magnitudes = np.abs(units(real, self.granularity, None))
        alphas = (magnitudes * kept).sum(axis=1) / np.maximum(kept.sum(axis=1), 1.0)
        if self.power_of_two_scales:
            alphas = nearest_power(alphas)
        return symmetric_quant(alphas, self.bits, self.granularity)

    def codes(self, real: FloatArray, quant: Quant) -> IntArray:
        """See `Scheme.codes`; the threshold follows from `real`, whatever the scale is."""
        return (np.sign(real) * self._kept(real).reshape(real.shape)).astype(quant.dtype)
