"""gemmlowp's logistic function and hyperbolic tangent of 16-bit fixed-point numbers.

A Qm.n number is an integer times 2^-n, with m + n = 15. Constants are those of gemmlowp's
fixedpoint.h, written there in 32 bits and rounded to 16; its 32-bit forms are in
`hwsim.kernels.softmax`. There are only 65536 arguments, so each function is a table.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwsim.arrays import IntArray

_LOW, _HIGH = -(1 << 15), (1 << 15) - 1


def _divided(x: IntArray, bits: int) -> IntArray:
    """Return x / 2^bits, halves away from zero."""
    return (x + (1 << (bits - 1)) - (x < 0)) >> bits


def _short(raw: int) -> int:
    """Return a constant of 32 bits in 16."""
    return int(_divided(np.asarray(raw, np.int64), 16))


# exp(-1/8) and 1/3 in Q0.15.
_EXP_EIGHTH, _THIRD = _short(1895147668), _short(715827883)
# exp(-2^k) in Q0.15 for k = -2..4: one per bit of the exponent's argument.
_EXP_POWERS = tuple(
    _short(raw) for raw in (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
)
# 48/17 and -32/17 in Q2.13: the best linear start for Newton's reciprocal on [1/2, 1].
_RECIPROCAL_START, _RECIPROCAL_SLOPE = _short(1515870810), _short(-1010580540)
# Arguments of more integer bits than this are held at -32 by gemmlowp.
_MOST_EXP_BITS = 5


def _saturated(x: IntArray) -> IntArray:
    return np.clip(x, _LOW, _HIGH)


def _times(a: IntArray, b: IntArray | int) -> IntArray:
    """Return the product of two Q0.15, halves up."""
    return _saturated((a * b + (1 << 14)) >> 15)


def _exp_near_zero(a: IntArray) -> IntArray:
    """Return exp(a) in Q0.15 for a in [-1/4, 0) in Q0.15: Taylor about -1/8 to fourth order."""
    x = a + (1 << 12)
    x2 = _times(x, x)
    x3 = _times(x2, x)
    x4 = _times(x2, x2)
    tail = _divided(_times(_divided(x4, 2) + x3, _THIRD) + x2, 1)
    return _saturated(_EXP_EIGHTH + _times(x + tail, _EXP_EIGHTH))


def _exp_negative(a: IntArray, integer_bits: int) -> IntArray:
    """Return exp(a) in Q0.15 for a <= 0 with so many integer bits."""
    fraction = 15 - integer_bits
    quarter = 1 << (fraction - 2)
    rest = (a & (quarter - 1)) - quarter
    result = _exp_near_zero(rest << integer_bits)
    remainder = rest - a
    for place, power in zip(range(-2, integer_bits), _EXP_POWERS, strict=False):
        is_set = remainder & (1 << (fraction + place)) != 0
        result = np.where(is_set, _times(result, power), result)
    if integer_bits > _MOST_EXP_BITS:
        result = np.where(a < -(32 << fraction), 0, result)
    return np.where(a == 0, _HIGH, result)


def _reciprocal(a: IntArray) -> IntArray:
    """Return 2 / (1 + a) in Q2.13 for a in [0, 1) in Q0.15: three Newton steps."""
    half = (a + _HIGH + 1) >> 1
    x = _RECIPROCAL_START + _times(half, _RECIPROCAL_SLOPE)
    for _ in range(3):
        error = (1 << 13) - _times(half, x)
        x = x + _saturated(_times(x, error) << 2)
    return x


@cache
def logistic_table() -> IntArray:
    """Return the function in Q0.15 of every Q3.12, int16 [65536], the smallest first."""
    x = np.arange(_LOW, _HIGH + 1, dtype=np.int64)
    positive = _saturated(_reciprocal(_exp_negative(-np.abs(x), 3)) << 1)
    table = np.where(x > 0, positive, _HIGH - positive)
    return np.where(x == 0, 1 << 14, table).astype(np.int16)


@cache
def tanh_table(integer_bits: int) -> IntArray:
    """Return the function in Q0.15 of every number with so many integer bits, as above.

    Args:
        integer_bits: 0..6.
    """
    x = np.arange(_LOW, _HIGH + 1, dtype=np.int64)
    # exp(-2 |x|): the same number with one integer bit more.
    power = _exp_negative(-np.abs(x), integer_bits + 1)
    positive = _saturated((_reciprocal(power) - (1 << 13)) << 2)
    table = np.where(x < 0, -positive, positive)
    return np.where(x == 0, 0, table).astype(np.int16)
