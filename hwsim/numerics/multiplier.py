"""One accumulator by one fixed-point multiplier: M ~ mantissa * 2^(exponent - 31)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, IntArray

# Below this exponent the fixed-point product is 0 for every int32 accumulator.
_SMALLEST_EXPONENT = -31


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
def doubling_high(x: int, mantissa: int, exponent: int) -> int:
    """Return floor((x << max(exponent, 0)) * mantissa / 2^31 + 1/2); all int64.

    A left shift saturates at 32 bits: whatever lies beyond is clamped to a code anyway.
    """
    if exponent > 0:
        x = min(max(x << min(exponent, 31), -(1 << 31)), (1 << 31) - 1)
    return (x * mantissa + (1 << 30)) >> 31


@kernel
def gemmlowp_round(x: int, mantissa: int, exponent: int) -> int:
    """Return x * mantissa * 2^(exponent - 31), rounded twice as gemmlowp does; all int64."""
    high = doubling_high(x, mantissa, exponent)
    right = -exponent
    if right <= 0:
        return high
    return (high + (1 << (right - 1)) - (1 if high < 0 else 0)) >> right


@kernel
def half_up_twice_round(x: int, mantissa: int, exponent: int) -> int:
    """Return x * mantissa * 2^(exponent - 31), rounded half up twice; all int64."""
    high = doubling_high(x, mantissa, exponent)
    right = -exponent
    if right <= 0:
        return high
    return (high + (1 << (right - 1))) >> right


@kernel
def single_round(x: int, mantissa: int, exponent: int) -> int:
    """Return floor(x * mantissa * 2^(exponent - 31) + 1/2); all int64.

    A multiplier of 2^30 or more is held there: the product is clamped to a code anyway.
    """
    shift = 31 - min(exponent, 30)
    return (x * mantissa + (1 << (shift - 1))) >> shift


@kernel
def int16x8_round(x: int, mantissa: int, exponent: int) -> int:
    """Return floor(x * mantissa * 2^(exponent - 15) + 1/2), the mantissa of 15 bits; all int64.

    Accumulators are held to 48 bits, which no 16-bit code tells from more, and multipliers of 2^15
    or more shift left what is held to 32.
    """
    shift = 15 - exponent
    if shift <= 0:
        return (min(max(x, -(1 << 31)), 1 << 31) * mantissa) << min(-shift, 16)
    return (min(max(x, -(1 << 47)), 1 << 47) * mantissa + (1 << (shift - 1))) >> shift
