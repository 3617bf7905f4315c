"""How a runtime brings an int32 accumulator x back to 8 bits: y = round(x * M), M = s_x s_w / s_y.

M is real; runtimes approximate the product in different ways, and the difference is visible in
the last bit. With (f, e) = frexp(M), m = round(f * 2^31), l = max(e, 0), r = max(-e, 0):

* gemmlowp: t = floor(((x << l) m + 2^30) / 2^31), then (t + 2^(r-1) - [t < 0]) >> r. Ties go up,
  then away from zero (Jacob et al., "Quantization and Training of Neural Networks for Efficient
  Integer-Arithmetic-Only Inference", arXiv 1712.05877, section 2.2 and appendix B).
* float32_even: rint(f32(x) * f32(M)); ties go to even (XNNPACK, ONNX Runtime, fbgemm).
* float64_away: round-half-away(f64(x) * M) (LiteRT's reference fully connected).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, IntArray

# Below this exponent the fixed-point product is 0 for every int32 accumulator.
_SMALLEST_EXPONENT = -31


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where requantized codes go: shifted by `zero_point`, clamped to [low, high]."""

    zero_point: int
    low: int
    high: int
    dtype: np.dtype[np.integer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Multipliers:
    """What a rounding makes of the real multipliers M: the constants of its inner loop.

    Attributes:
        values: [channels] int32 mantissas, or float32 / float64 scales: as the rounding computes.
        exponents: [channels] int32; zeros where `values` say it all.
    """

    values: Array
    exponents: IntArray


class Requantizer(Protocol):
    """A rounding bound to its scales: int32 accumulators [..., channels] to codes."""

    def __call__(self, accumulators: IntArray) -> IntArray:
        """Return codes of the shape of `accumulators`."""
        ...


class Rounding(Protocol):
    """One way of rounding; `bind` fixes the scales."""

    name: ClassVar[str]

    def multipliers(
        self, input_scale: float, weight_scale: Array, output_scale: float
    ) -> Multipliers:
        """Return the constants for M = input_scale * weight_scale / output_scale; see `bind`."""
        ...

    def bind(
        self, input_scale: float, weight_scale: Array, output_scale: float, target: Target
    ) -> Requantizer:
        """Return the function of accumulators whose unit is input_scale * weight_scale[c].

        Args:
            input_scale: A float32 value.
            weight_scale: [channels] or [1] float32 values.
            output_scale: A float32 value.
            target: Zero point, clamp and type of the codes.
        """
        ...


def round_away(real: Array) -> Array:
    """Return the nearest integers in the type of `real`, halves away from zero.

    Adding 0.5 first would be wrong: the float32 below 0.5 plus 0.5 is 1.
    """
    whole = np.trunc(real)
    return whole + np.where(np.abs(real - whole) >= 0.5, np.sign(real), 0).astype(real.dtype)


def fixed_point(multiplier: FloatArray) -> tuple[IntArray, IntArray]:
    """Return (mantissa, exponent), both int64: multiplier ~ mantissa * 2^(exponent - 31).

    Args:
        multiplier: Positive reals of any shape.
    """
    fraction, exponent = np.frexp(multiplier)
    mantissa = round_away(fraction * 2.0**31).astype(np.int64)
    exponent = exponent.astype(np.int64)
    overflowed = mantissa == 1 << 31
    mantissa[overflowed] >>= 1
    exponent[overflowed] += 1
    vanished = exponent < _SMALLEST_EXPONENT
    mantissa[vanished] = 0
    exponent[vanished] = 0
    return mantissa, exponent


@kernel
def gemmlowp_round(x: int, mantissa: int, exponent: int) -> int:
    """Return x * mantissa * 2^(exponent - 31), rounded twice as gemmlowp does; all int64.

    A left shift saturates at 32 bits: whatever lies beyond is clamped to a code anyway.
    """
    if exponent > 0:
        x = min(max(x << min(exponent, 31), -(1 << 31)), (1 << 31) - 1)
    high = (x * mantissa + (1 << 30)) >> 31
    right = -exponent
    if right <= 0:
        return high
    return (high + (1 << (right - 1)) - (1 if high < 0 else 0)) >> right


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
def _float32_even(accumulators: IntArray, scale: Array, target: IntArray, out: IntArray) -> None:
    zero_point = target[0]
    low = np.float32(target[1] - zero_point)
    high = np.float32(target[2] - zero_point)
    rows, channels = accumulators.shape
    for i in range(rows):
        for c in range(channels):
            y = np.float32(accumulators[i, c]) * scale[c]
            y = min(max(y, low), high)
            out[i, c] = np.int64(np.rint(y)) + zero_point


@kernel
def _float64_away(
    accumulators: IntArray, scale: FloatArray, target: IntArray, out: IntArray
) -> None:
    zero_point, low, high = target[0], target[1], target[2]
    rows, channels = accumulators.shape
    for i in range(rows):
        for c in range(channels):
            real = np.float64(accumulators[i, c]) * scale[c]
            whole = np.trunc(real)
            if abs(real - whole) >= 0.5:
                whole += 1.0 if real > 0 else -1.0
            whole = min(max(whole, -2147483648.0), 2147483647.0)
            out[i, c] = min(max(np.int64(whole) + zero_point, low), high)


@dataclass(frozen=True, slots=True)
class Gemmlowp:
    """Fixed point, rounded twice."""

    name: ClassVar[str] = "gemmlowp"

    def multipliers(
        self, input_scale: float, weight_scale: Array, output_scale: float
    ) -> Multipliers:
        """See `Rounding.multipliers`."""
        multiplier = np.float64(input_scale) * weight_scale.astype(np.float64) / output_scale
        mantissa, exponent = fixed_point(multiplier)
        return Multipliers(values=mantissa.astype(np.int32), exponents=exponent.astype(np.int32))

    def bind(
        self, input_scale: float, weight_scale: Array, output_scale: float, target: Target
    ) -> Requantizer:
        """See `Rounding.bind`."""
        scales = self.multipliers(input_scale, weight_scale, output_scale)
        mantissa, exponent = scales.values.astype(np.int64), scales.exponents.astype(np.int64)

        def requantize(accumulators: IntArray) -> IntArray:
            flat, out = _rows(accumulators, target)
            _gemmlowp(flat, _spread(mantissa, flat), _spread(exponent, flat), _limits(target), out)
            return out.reshape(accumulators.shape)

        return requantize


@dataclass(frozen=True, slots=True)
class Float32Even:
    """A float32 product, rounded to even."""

    name: ClassVar[str] = "float32_even"

    def multipliers(
        self, input_scale: float, weight_scale: Array, output_scale: float
    ) -> Multipliers:
        """See `Rounding.multipliers`."""
        product = np.float32(input_scale) * weight_scale.astype(np.float32)
        return _real_multipliers(product / np.float32(output_scale))

    def bind(
        self, input_scale: float, weight_scale: Array, output_scale: float, target: Target
    ) -> Requantizer:
        """See `Rounding.bind`."""
        scale = self.multipliers(input_scale, weight_scale, output_scale).values

        def requantize(accumulators: IntArray) -> IntArray:
            flat, out = _rows(accumulators, target)
            _float32_even(flat, _spread(scale, flat), _limits(target), out)
            return out.reshape(accumulators.shape)

        return requantize


@dataclass(frozen=True, slots=True)
class Float64Away:
    """A float64 product, halves rounded away from zero."""

    name: ClassVar[str] = "float64_away"

    def multipliers(
        self, input_scale: float, weight_scale: Array, output_scale: float
    ) -> Multipliers:
        """See `Rounding.multipliers`."""
        product = np.float64(input_scale) * weight_scale.astype(np.float64)
        return _real_multipliers(product / output_scale)

    def bind(
        self, input_scale: float, weight_scale: Array, output_scale: float, target: Target
    ) -> Requantizer:
        """See `Rounding.bind`."""
        scale = self.multipliers(input_scale, weight_scale, output_scale).values

        def requantize(accumulators: IntArray) -> IntArray:
            flat, out = _rows(accumulators, target)
            _float64_away(flat, _spread(scale, flat), _limits(target), out)
            return out.reshape(accumulators.shape)

        return requantize


def _real_multipliers(scale: Array) -> Multipliers:
    return Multipliers(values=scale, exponents=np.zeros(scale.shape, np.int32))


ROUNDINGS: tuple[Rounding, ...] = (Gemmlowp(), Float32Even(), Float64Away())


def _rows(accumulators: IntArray, target: Target) -> tuple[IntArray, IntArray]:
    """Return `accumulators` as [rows, channels], and room for as many codes."""
    flat = np.ascontiguousarray(accumulators).reshape(-1, accumulators.shape[-1])
    return flat, np.empty(flat.shape, target.dtype)


def _spread(per_channel: Array, rows: IntArray) -> Array:
    """Return one value per channel, also where all channels share one."""
    return np.ascontiguousarray(np.broadcast_to(per_channel, (rows.shape[1],)))


def _limits(target: Target) -> IntArray:
    return np.array([target.zero_point, target.low, target.high], np.int64)
