"""Equal steps from the smallest weight to the largest, with a zero point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from compressors.quantization.rounding import Round, nearest_even
from compressors.quantization.scales import group_scale, power_above
from compressors.quantization.schemes._scales import Granularity, units
from hwsim.numerics import Quant

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Asymmetric:
    """scale = (max - min) / (2^bits - 1), zero point = clip(rint(low - min / scale)).

    Ranges include 0, which one code means exactly (Jacob et al., arXiv 1712.05877, section 2.1).
    Codes are signed, low = -2^(bits - 1). A range of one sign uses all codes, where a symmetric
    encoding wastes half; TensorFlow Lite takes no such weights, ONNX Runtime does.

    Attributes:
        bits: 2..8.
        granularity: One scale and zero point per output channel, or per tensor.
        round: Of steps.
        power_of_two_scales: Whether scales are rounded up to powers of two.
    """

    name: ClassVar[str] = "asymmetric"
    storage: ClassVar[str] = ""
    bits: int = 8
    granularity: Granularity = "channel"
    round: Round = nearest_even
    power_of_two_scales: bool = False

    def levels(self) -> IntArray:
        """See `Scheme.levels`."""
        half = 1 << (self.bits - 1)
        return np.arange(-half, half, dtype=np.int64)

    def quant(self, real: FloatArray) -> Quant:
        """See `Scheme.quant`."""
        parts = units(real, self.granularity, None)
        low = np.minimum(parts.min(axis=1, initial=0.0), 0.0)
        scales = (np.maximum(parts.max(axis=1, initial=0.0), 0.0) - low) / ((1 << self.bits) - 1)
        if self.power_of_two_scales:
            scales = power_above(scales)
        stored = [group_scale(scale, 32) for scale in scales.tolist()]
        half = 1 << (self.bits - 1)
        zeros = np.clip(np.rint(-half - low / np.asarray(stored)), -half, half - 1).astype(int)
        return Quant(
            scale=tuple(stored),
            zero_point=tuple(zeros.tolist()),
            axis=0 if self.granularity == "channel" else None,
            bits=self.bits,
        )

    def codes(self, real: FloatArray, quant: Quant) -> IntArray:
        """See `Scheme.codes`."""
        scale, zero = quant.spread(real.shape)
        return np.clip(self.round(real / scale) + zero, quant.low, quant.high).astype(quant.dtype)
