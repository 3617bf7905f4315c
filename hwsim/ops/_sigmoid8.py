"""The logistic function and tanh of 8-bit codes where a runtime has its own arithmetic."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hwsim.kernels.softmax import exp_negative_of, reciprocal, saturate, twice_reciprocal
from hwsim.numerics.multiplier import fixed_point, gemmlowp_round

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arrays import Array, IntArray
    from hwsim.numerics import Quant
    from hwsim.op import Kernel

# Arguments are held in Q4.27, results in Q0.31.
_INTEGER_BITS = 4
_ONE = (1 << 31) - 1


def logistic_float32(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)) in float32 step by step, as TFLite fills its table."""
    # The C library's expf is exact to within the last bit of float32; NumPy's is not.
    with np.errstate(over="ignore"):
        power = np.exp(-x.astype(np.float64)).astype(np.float32)
    return np.float32(1) / (np.float32(1) + power)


def bind_fixed(function: str, x: Quant, y: Quant) -> Kernel | None:
    """Return TensorFlow Lite Micro's form of int8 codes; None where it has none of its own.

    Args:
        function: Of `Elementary`.
        x: Of the operand.
        y: Of the result; logistic and tanh prescribe it.
    """
    if not (x.signed and y.signed and x.bits == y.bits == 8):
        return None
    if function not in _FIXED or (y.scale[0], y.zero_point[0]) != _FIXED_ENCODINGS[function]:
        return None
    table = _table(function, x)

    def run(codes: Array) -> tuple[Array, ...]:
        return (table[codes.astype(np.int64) - x.low],)

    return run


def _table(function: str, x: Quant) -> IntArray:
    """Return the result's code for each code of `x`, lowest first (reference_integer_ops)."""
    # The multiplier that brings a code to Q4.27, and the codes beyond which a result is 1.
    real = x.scale[0] * (1 << (31 - _INTEGER_BITS))
    mantissas, exponents = fixed_point(np.array([real]))
    mantissa, exponent = int(mantissas[0]), int(exponents[0])
    largest = ((1 << _INTEGER_BITS) - 1) * (1 << (31 - _INTEGER_BITS))
    radius = math.floor(math.ldexp(largest, -exponent))
    result, lowest = _FIXED[function], -128
    codes: list[int] = []
    for code in range(x.low, x.high + 1):
        centred = code - x.zero_point[0]
        if abs(centred) >= radius:
            codes.append(lowest if centred <= -radius else 127)
        else:
            codes.append(min(max(result(gemmlowp_round(centred, mantissa, exponent)), -128), 127))
    return np.array(codes, np.int8)


def _logistic(a: int) -> int:
    """Return the code, of 1/256 less 128, of the logistic function of `a` in Q4.27."""
    if a == 0:
        result = 1 << 30
    else:
        result = reciprocal(exp_negative_of(-abs(a), _INTEGER_BITS))
        result = result if a > 0 else _ONE - result
    return _divided(result, 31 - 8) - 128


def _tanh(a: int) -> int:
    """Return the code, of 1/128, of tanh of `a` in Q4.27: (1 - e) / (1 + e), e = exp(-2 |a|)."""
    if a == 0:
        return 0
    # Doubled by taking the same bits for Q5.26.
    power = exp_negative_of(-abs(a), _INTEGER_BITS + 1)
    result = saturate((twice_reciprocal(power) - (1 << 29)) << 2)
    return _divided(result if a > 0 else -result, 31 - 7)


def _divided(x: int, bits: int) -> int:
    """Return x / 2^bits, halves away from zero."""
    return (x + (1 << (bits - 1)) - (x < 0)) >> bits


_FIXED: Mapping[str, Callable[[int], int]] = {"logistic": _logistic, "tanh": _tanh}
_FIXED_ENCODINGS: Mapping[str, tuple[float, int]] = {
    "logistic": (1 / 256, -128),
    "tanh": (1 / 128, 0),
}
