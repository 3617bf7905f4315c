"""Signs times one positive number."""

from __future__ import annotations

from dataclasses import dataclass, replace
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

_SMALLEST = 2.0**-126
"""The smallest normal float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """w = alpha sign(w), alpha = mean |w|, which is of least squared error; sign(0) = +1.

    Rastegari et al., "XNOR-Net", arXiv 1603.05279, section 3.1: one alpha per filter. There is no
    code for zero: pruned weights would come back. Codes are bipolar, and lie in format `signs`.

    Attributes:
        granularity: One alpha per filter, or per tensor.
        power_of_two_scales: Whether alphas are the powers of two of nearest exponent.
    """

    name: ClassVar[str] = "binary"
    storage: ClassVar[str] = "signs"
    granularity: Granularity = "channel"
    power_of_two_scales: bool = False

    @property
    def bits(self) -> int:
        """See `Scheme.bits`."""
        return 1

    def levels(self) -> IntArray:
        """See `Scheme.levels`."""
        return np.array([-1, 1], np.int64)

    def quant(self, real: FloatArray) -> Quant:
        """See `Scheme.quant`."""
        alphas = np.abs(units(real, self.granularity, None)).mean(axis=1)
        if self.power_of_two_scales:
            alphas = nearest_power(alphas)
        # A filter of zeros has no alpha, and no code for zero: the smallest is what is nearest.
        alphas = np.maximum(alphas, _SMALLEST)
        quant = symmetric_quant(alphas, self.bits, self.granularity)
        return replace(quant, is_bipolar=True)

    def codes(self, real: FloatArray, quant: Quant) -> IntArray:
        """See `Scheme.codes`; no scale changes a sign."""
        return np.where(real >= 0, 1, -1).astype(quant.dtype)
