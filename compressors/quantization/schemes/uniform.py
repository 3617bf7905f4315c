"""Equal steps on both sides of zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from compressors.quantization.rounding import Round, nearest_even
from compressors.quantization.scales import power_above
from compressors.quantization.schemes._scales import (
    Clip,
    Granularity,
    least_error,
    symmetric_quant,
    units,
)

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray, IntArray
    from hwsim.numerics import Quant


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniform:
    """Zero point 0, codes in -(2^(bits - 1) - 1)..2^(bits - 1) - 1, scale max |w| / the largest.

    TFLite's specification of int8 weights; Jacob et al., arXiv 1712.05877; Nagel et al., arXiv
    2106.08295, section 2.2.

    Attributes:
        bits: 2..16.
        granularity: One scale per output channel, or per tensor.
        group: Weights that share a scale, along a row; None: all of a row, or of the tensor.
        scale_bits: Width of the scale of a group, 16 or 32.
        clip: `max`, or `mse`: the range of least squared error, which clips the largest weights.
        round: Of steps.
        power_of_two_scales: Whether scales are rounded up to powers of two, so that shifts do.
    """

    name: ClassVar[str] = "uniform"
    storage: ClassVar[str] = ""
    bits: int = 8
    granularity: Granularity = "channel"
    group: int | None = None
    scale_bits: int = 32
    clip: Clip = "max"
    round: Round = nearest_even
    power_of_two_scales: bool = False

    @property
    def _high(self) -> int:
        return (1 << (self.bits - 1)) - 1

    def levels(self) -> IntArray:
        """See `Scheme.levels`."""
        return np.arange(-self._high, self._high + 1, dtype=np.int64)

    def quant(self, real: FloatArray) -> Quant:
        """See `Scheme.quant`."""
        largest = np.abs(units(real, self.granularity, self.group)).max(axis=1, initial=0.0)
        scales = largest / self._high
        if self.power_of_two_scales:
            scales = power_above(scales)
        widest = symmetric_quant(scales, self.bits, self.granularity, self.group, self.scale_bits)
        if self.clip == "max":
            return widest
        return least_error(self, real, widest, self.power_of_two_scales)

    def codes(self, real: FloatArray, quant: Quant) -> IntArray:
        """See `Scheme.codes`; clipped to the symmetric range."""
        scale, _ = quant.spread(real.shape)
        return np.clip(self.round(real / scale), -quant.high, quant.high).astype(quant.dtype)
