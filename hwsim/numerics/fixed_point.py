"""Roundings of integers alone: M ~ mantissa * 2^(exponent - 31), a product and shifts.

With (f, e) = frexp(M), m = round(f * 2^31), l = max(e, 0) and r = max(-e, 0):

* gemmlowp: t = floor(((x << l) m + 2^30) / 2^31), then (t + 2^(r-1) - [t < 0]) >> r. Ties go up,
  then away from zero (Jacob et al., "Quantization and Training of Neural Networks for Efficient
  Integer-Arithmetic-Only Inference", arXiv 1712.05877, section 2.2 and appendix B).
* half_up_twice: t as above, then (t + 2^(r-1)) >> r. Ties go up twice (LiteRT's optimized kernels).
* half_up_twice_lanes: half_up_twice in whole groups of 8 signed channels, gemmlowp in the rest.
* single: (x m + 2^(30-e)) >> (31-e) in 64 bits. Ties go up, once (TensorFlow Lite and CMSIS-NN
  built for single rounding).
* rndnu: as single, with the 24 bits of the float32 M ("round to nearest, ties up": XNNPACK on Arm).
* int16x8: as single, with m rounded to its upper 15 bits, of an accumulator of 48 bits (TensorFlow
  Lite, 16-bit activations by 8-bit weights).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from hwsim.jit import kernel
from hwsim.numerics.multiplier import (
    fixed_point,
    gemmlowp_round,
    half_up_twice_round,
    int16x8_round,
    single_round,
)
from hwsim.numerics.requantize import Multipliers, Rounding, bind_kernel

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, IntArray
    from hwsim.numerics.requantize import Kernel, Requantizer, Target

# Channels that LiteRT's depthwise kernel requantizes at a time, in two vectors of four.
_LANES = 8


@kernel
def _gemmlowp(
    accumulators: IntArray, mantissa: IntArray, exponent: IntArray, target: IntArray, out: IntArray
) -> None:
    zero_point, low, high = target[0], target[1], target[2]
    rows, channels = accumulators.shape
    for i in range(rows):
        for c in range(channels):
            y = gemmlowp_round(int(accumulators[i, c]), mantissa[c], exponent[c])
            out[i, c] = min(max(y + zero_point, low), high)


@kernel
def _half_up_twice(
    accumulators: IntArray, mantissa: IntArray, exponent: IntArray, target: IntArray, out: IntArray
) -> None:
    zero_point, low, high = target[0], target[1], target[2]
    rows, channels = accumulators.shape
    for i in range(rows):
        for c in range(channels):
            y = half_up_twice_round(int(accumulators[i, c]), mantissa[c], exponent[c])
            out[i, c] = min(max(y + zero_point, low), high)


@kernel
def _half_up_twice_lanes(
    accumulators: IntArray, mantissa: IntArray, exponent: IntArray, target: IntArray, out: IntArray
) -> None:
    zero_point, low, high = target[0], target[1], target[2]
    rows, channels = accumulators.shape
    in_lanes = channels // _LANES * _LANES
    for i in range(rows):
        for c in range(channels):
            x = int(accumulators[i, c])
            if c < in_lanes:
                y = half_up_twice_round(x, mantissa[c], exponent[c])
            else:
                y = gemmlowp_round(x, mantissa[c], exponent[c])
            out[i, c] = min(max(y + zero_point, low), high)


@kernel
def _single(
    accumulators: IntArray, mantissa: IntArray, exponent: IntArray, target: IntArray, out: IntArray
) -> None:
    zero_point, low, high = target[0], target[1], target[2]
    rows, channels = accumulators.shape
    for i in range(rows):
        for c in range(channels):
            y = single_round(int(accumulators[i, c]), mantissa[c], exponent[c])
            out[i, c] = min(max(y + zero_point, low), high)


@kernel
def _int16x8(
    accumulators: IntArray, mantissa: IntArray, exponent: IntArray, target: IntArray, out: IntArray
) -> None:
    zero_point, low, high = target[0], target[1], target[2]
    rows, channels = accumulators.shape
    for i in range(rows):
        for c in range(channels):
            y = int16x8_round(int(accumulators[i, c]), mantissa[c], exponent[c])
            out[i, c] = min(max(y + zero_point, low), high)


class FixedPoint(Rounding, Protocol):
    """A rounding by integer mantissas: the base of those below."""

    @property
    def rows(self) -> Kernel:
        """The compiled loop over rows of channels; see `bind_kernel`."""
        ...

    def multipliers(
        self, input_scale: float, weight_scale: Array, output_scale: float
    ) -> Multipliers:
        """See `Rounding.multipliers`; values are mantissas of 31 bits, of M in float64."""
        return mantissas(np.float64(input_scale) * weight_scale.astype(np.float64) / output_scale)

    def bind(
        self, input_scale: float, weight_scale: Array, output_scale: float, target: Target
    ) -> Requantizer:
        """See `Rounding.bind`."""
        scales = self.multipliers(input_scale, weight_scale, output_scale)
        mantissa, exponent = scales.values.astype(np.int64), scales.exponents.astype(np.int64)
        return bind_kernel(self.rows, mantissa, exponent, target)


def mantissas(multiplier: FloatArray) -> Multipliers:
    """Return `fixed_point` of `multiplier` [channels], in 32 bits."""
    mantissa, exponent = fixed_point(multiplier)
    return Multipliers(values=mantissa.astype(np.int32), exponents=exponent.astype(np.int32))


@dataclass(frozen=True, slots=True)
class Gemmlowp(FixedPoint):
    """Rounded twice: half up, then half away from zero."""

    name: ClassVar[str] = "gemmlowp"

    @property
    def rows(self) -> Kernel:
        """See `FixedPoint.rows`."""
        return _gemmlowp


@dataclass(frozen=True, slots=True)
class HalfUpTwice(FixedPoint):
    """Rounded twice, half up both times."""

    name: ClassVar[str] = "half_up_twice"

    @property
    def rows(self) -> Kernel:
        """See `FixedPoint.rows`."""
        return _half_up_twice


@dataclass(frozen=True, slots=True)
class HalfUpTwiceLanes(FixedPoint):
    """As LiteRT's depthwise kernel: vectors of signed channels half up twice, the rest gemmlowp.

    Unsigned codes go through a kernel of their own, which rounds as gemmlowp throughout.
    """

    name: ClassVar[str] = "half_up_twice_lanes"

    @property
    def rows(self) -> Kernel:
        """See `FixedPoint.rows`."""
        return _half_up_twice_lanes

    def bind(
        self, input_scale: float, weight_scale: Array, output_scale: float, target: Target
    ) -> Requantizer:
        """See `Rounding.bind`."""
        if target.dtype.kind == "u":
            return Gemmlowp().bind(input_scale, weight_scale, output_scale, target)
        return FixedPoint.bind(self, input_scale, weight_scale, output_scale, target)


@dataclass(frozen=True, slots=True)
class Single(FixedPoint):
    """Rounded once, half up."""

    name: ClassVar[str] = "single"

    @property
    def rows(self) -> Kernel:
        """See `FixedPoint.rows`."""
        return _single


@dataclass(frozen=True, slots=True)
class Rndnu(FixedPoint):
    """Rounded once, half up, by a mantissa of 24 bits."""

    name: ClassVar[str] = "rndnu"

    @property
    def rows(self) -> Kernel:
        """See `FixedPoint.rows`."""
        return _single

    def multipliers(
        self, input_scale: float, weight_scale: Array, output_scale: float
    ) -> Multipliers:
        """See `Rounding.multipliers`; values are mantissas of 31 bits, the lower 7 of them 0."""
        product = np.float32(input_scale) * weight_scale.astype(np.float32)
        return mantissas((product / np.float32(output_scale)).astype(np.float64))


@dataclass(frozen=True, slots=True)
class Int16x8(FixedPoint):
    """Rounded once, half up, by a mantissa of 15 bits: takes accumulators of int64."""

    name: ClassVar[str] = "int16x8"

    @property
    def rows(self) -> Kernel:
        """See `FixedPoint.rows`."""
        return _int16x8

    def multipliers(
        self, input_scale: float, weight_scale: Array, output_scale: float
    ) -> Multipliers:
        """See `Rounding.multipliers`; M ~ values * 2^(exponents - 15)."""
        full = FixedPoint.multipliers(self, input_scale, weight_scale, output_scale)
        upper = (full.values.astype(np.int64) + (1 << 15)) >> 16
        # What would round up to 2^15 is held at 15 bits (MultiplyByQuantizedMultiplier, int64).
        values = np.minimum(upper, (1 << 15) - 1).astype(np.int32)
        return Multipliers(values=values, exponents=full.exponents)
