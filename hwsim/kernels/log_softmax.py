"""Fixed-point logarithm of softmax as gemmlowp and TFLite compute it, on raw int32 held in int64.

A Qm.n number is an integer times 2^-n. Constants are those of gemmlowp's and TFLite's logarithm,
in the Q format that each name gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.jit import kernel
from hwsim.kernels.softmax import divide_by_power, exp_negative, multiply, reciprocal, saturate

if TYPE_CHECKING:
    from hwsim.arrays import IntArray

# All in Q0.31: log 2, 2^(-1/4), 2^(-1/2).
_LOG_2, _FOURTH_ROOT, _ROOT = 1488522236, 1805811301, 1518500250
# Coefficients of the rational approximation about 2^(-1/4), in Q0.31: 11/240 r, 1/20 r, 2/r - r
# and 1/4 r for r = 2^(1/4).
_NUMERATOR, _SQUARE, _CONSTANT, _LINEAR = 117049297, 127690142, 1057819769, 638450708
# Sums of powers are held in Q12.19, logarithms in Q5.26, and inside with a bit more, in Q6.25.
_SUM_BITS, _LOG_BITS, _WORK_BITS = 12, 5, 6
# 1/4 in Q6.25.
_QUARTER = 1 << 23


@kernel
def _leading_zeros(x: int) -> int:
    """Return how many of 32 bits stand before the first 1."""
    zeros = 32
    while x > 0:
        x >>= 1
        zeros -= 1
    return zeros


@kernel
def _shifted(x: int, bits: int) -> int:
    """Return x * 2^bits, saturated; halves away from zero where bits < 0."""
    if bits >= 0:
        return saturate(x << bits)
    return divide_by_power(x, -bits)


@kernel
def _log(x: int) -> int:
    """Return log(x) in Q5.26 for x >= 1 in Q12.19.

    The power of two is taken out in two ways, so that what is left lies near 2^(-1/4) in one.
    """
    zeros = _leading_zeros(x)
    a = multiply(_shifted(x, zeros - 1), _ROOT) << 1
    a_power = saturate(_shifted(_SUM_BITS - zeros, 31 - _WORK_BITS) + _QUARTER)
    headroom = _leading_zeros(multiply(x, _ROOT)) - 1
    b = _shifted(x, headroom)
    b_power = saturate(_shifted(_SUM_BITS - headroom, 31 - _WORK_BITS) - _QUARTER)
    rest = min(saturate(a), b)
    power = max(a_power, b_power)

    mean = _half_sum(rest, _FOURTH_ROOT)
    q = 2 * (rest - _FOURTH_ROOT)
    square = multiply(q, q)
    numerator = multiply(q, rest) + multiply(multiply(q, square), _NUMERATOR)
    slope = _CONSTANT + q + multiply(_SQUARE, square)
    share = reciprocal(multiply(mean, slope) + multiply(_LINEAR, q))
    scaled = divide_by_power(numerator, _WORK_BITS)
    total = multiply(power, _LOG_2) + multiply(scaled, share)
    return saturate(total << (_WORK_BITS - _LOG_BITS))


@kernel
def _half_sum(a: int, b: int) -> int:
    """Return (a + b) / 2, halves away from zero."""
    total = a + b
    return (total + 1) >> 1 if total >= 0 else -((1 - total) >> 1)


@kernel
def log_softmax_codes(
    x: IntArray, scale: IntArray, back: IntArray, smallest: int, out: IntArray
) -> None:
    """Set `out` to the int8 log softmax (scale 1/16, zero point 127) of each row of `x`.

    Args:
        x: [rows, classes] int8.
        scale: Mantissa and exponent, >= 0, of the multiplier that brings a code to Q5.26.
        back: Mantissa and exponent, <= 0, of the multiplier that undoes it.
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
                scaled = multiply(difference << scale[1], scale[0])
                total += divide_by_power(exp_negative(scaled), _SUM_BITS)
        log = _log(total)
        limit = divide_by_power(multiply(log - (1 << 31), back[0]), -back[1])
        lowest = max(smallest - 1, limit)
        for c in range(x.shape[1]):
            difference = int(x[row, c]) - largest
            code = -128
            if difference > lowest:
                scaled = multiply(difference << scale[1], scale[0])
                # Q5.26 to Q4.4: 1/16 a step.
                code = divide_by_power(scaled - log, 31 - _LOG_BITS - 4) + 127
            out[row, c] = min(max(code, -128), 127)
