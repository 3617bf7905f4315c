"""Fixed-point softmax as gemmlowp and TFLite compute it, on raw int32 held in int64.

A Qm.n number is an integer times 2^-n. Constants are the Taylor and Newton coefficients of
gemmlowp's fixedpoint.h, in the Q format that each name gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import IntArray

_ONE = (1 << 31) - 1
# exp(-1/8) and 1/3 in Q0.31.
_EXP_EIGHTH = 1895147668
_THIRD = 715827883
# exp(-2^k) in Q0.31 for k = -2..4: one per bit of the exponent's argument.
_EXP_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
# 48/17 and -32/17 in Q2.29: the best linear start for Newton's reciprocal on [1/2, 1].
_RECIPROCAL_START = 1515870810
_RECIPROCAL_SLOPE = -1010580540
ACCUMULATOR_BITS = 12


@kernel
def multiply(a: int, b: int) -> int:
    """Return the rounded high half of twice the product: the product of two Q0.31."""
    return (a * b + (1 << 30)) >> 31


@kernel
def divide_by_power(x: int, bits: int) -> int:
    """Return x / 2^bits, halves away from zero."""
    if bits == 0:
        return x
    return (x + (1 << (bits - 1)) + (-1 if x < 0 else 0)) >> bits


@kernel
def saturate(x: int) -> int:
    """Return x held to 32 bits."""
    return min(max(x, -(1 << 31)), _ONE)


@kernel
def _exp_near_zero(a: int) -> int:
    """Return exp(a) in Q0.31 for a in [-1/4, 0) in Q0.31: Taylor about -1/8 to fourth order."""
    x = a + (1 << 28)
    x2 = multiply(x, x)
    x3 = multiply(x2, x)
    x4 = multiply(x2, x2)
    tail = multiply(divide_by_power(x4, 2) + x3, _THIRD) + x2
    return _EXP_EIGHTH + multiply(_EXP_EIGHTH, x + divide_by_power(tail, 1))


@kernel
def exp_negative_of(a: int, integer_bits: int) -> int:
    """Return exp(a) in Q0.31 for a <= 0 with `integer_bits`, at most 5, before the point."""
    if a == 0:
        return _ONE
    quarter = 1 << (29 - integer_bits)
    rest = (a & (quarter - 1)) - quarter
    result = _exp_near_zero(rest << integer_bits)
    remainder = rest - a
    for bit in range(integer_bits + 2):
        if remainder & (quarter << bit):
            result = multiply(result, _EXP_POWERS[bit])
    return result


@kernel
def exp_negative(a: int) -> int:
    """Return exp(a) in Q0.31 for a <= 0 in Q5.26."""
    return exp_negative_of(a, 5)


@kernel
def twice_reciprocal(a: int) -> int:
    """Return 2 / (1 + a) in Q2.29 for a in [0, 1) in Q0.31: three Newton steps."""
    half = (a + _ONE + 1) >> 1
    x = _RECIPROCAL_START + multiply(half, _RECIPROCAL_SLOPE)
    for _ in range(3):
        error = (1 << 29) - multiply(half, x)
        x += saturate(multiply(x, error) << 2)
    return x


@kernel
def reciprocal(a: int) -> int:
    """Return 1 / (1 + a) in Q0.31 for a in [0, 1) in Q0.31."""
    return saturate(twice_reciprocal(a) << 1)


@kernel
def softmax_codes(x: IntArray, mantissa: int, shift: int, smallest: int, out: IntArray) -> None:
    """Set `out` to the int8 softmax (scale 1/256, zero point -128) of each row of `x`.

    Args:
        x: [rows, classes] int8.
        mantissa: Of the multiplier that brings a code to Q5.26.
        shift: Its exponent, >= 0.
        smallest: Differences to the maximum below this one count as probability 0.
        out: [rows, classes] int8.
    """
    for row in range(x.shape[0]):
        largest = -128
        for c in range(x.shape[1]):
            largest = max(largest, int(x[row, c]))
        total = 0
        for c in range(x.shape[1]):
            difference = int(x[row, c]) - largest
            if difference >= smallest:
                scaled = multiply(difference << shift, mantissa)
                total += divide_by_power(exp_negative(scaled), ACCUMULATOR_BITS)
        zeros = 0
        while (total << zeros) < (1 << 31):
            zeros += 1
        scale = reciprocal((total << zeros) - (1 << 31))
        bits_over_unit = ACCUMULATOR_BITS - zeros
        for c in range(x.shape[1]):
            difference = int(x[row, c]) - largest
            code = -128
            if difference >= smallest:
                scaled = multiply(difference << shift, mantissa)
                product = multiply(scale, exp_negative(scaled))
                code += divide_by_power(product, bits_over_unit + 31 - 8)
            out[row, c] = min(max(code, -128), 127)
