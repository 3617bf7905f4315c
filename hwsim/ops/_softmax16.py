"""Softmax of 16-bit codes, as TFLite computes it: two tables of 512 steps, interpolated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.numerics.rounding import Gemmlowp, Target, round_away

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import Array, IntArray
    from hwsim.numerics import Quant
    from hwsim.op import Kernel

OUTPUT_SCALE = 1 / 32768
"""What TFLite prescribes for the result, with zero point 0."""

_LOW, _HIGH, _RANGE = -32768, 32767, 65535
_STEPS = 512
# exp(-10) is taken to be nothing: the table of powers spans [-10, 0].
_SPAN = 10.0


def bind_softmax(beta: float, x: Quant, tables: str) -> Kernel:
    """Return the softmax over the last axis, of codes of `x` to those of scale 1/32768.

    Args:
        beta: Factor of the exponent.
        x: Of the operand.
        tables: Type in which the tables are made; see `Wide.tables`.
    """
    powers = _table(_exp, _SPAN, _HIGH, np.dtype(tables))
    inverses = _table(_inverse, 1.0, _LOW, np.dtype(tables))
    wide = Target(zero_point=0, low=-(1 << 31), high=(1 << 31) - 1, dtype=np.dtype(np.int32))
    # Differences become steps of 10 / 65535; scale times beta is a float32 product.
    steep = float(np.float32(x.scale[0]) * np.float32(beta))
    rescale = Gemmlowp().bind(steep, np.ones(1), _SPAN / _RANGE, wide)

    def run(codes: Array) -> tuple[Array, ...]:
        largest = codes.max(axis=-1, keepdims=True)
        differences = rescale(codes.astype(np.int32) - largest.astype(np.int32)).astype(np.int64)
        terms = _looked_up(powers, np.clip(differences + _HIGH, _LOW, _HIGH))
        total = terms.sum(axis=-1, keepdims=True)
        # frexp's exponent is the number of bits of a whole number.
        bits = np.frexp(total.astype(np.float64))[1].astype(np.int64)
        # The sum as 1 + part, part in [0, 1) in steps of 2^-16, less half its span.
        part = ((total << (31 - bits)) + (1 << 13)) >> 14
        inverse = _looked_up(inverses, np.clip(part - (1 << 15) - (1 << 16), _LOW, _HIGH))
        shift = bits - 1
        shares = (terms * inverse + (np.int64(1) << (shift - 1))) >> shift
        return (np.clip(shares, 0, _HIGH).astype(np.int16),)

    return run


def _exp(real: Array) -> Array:
    # The C library's expf is exact to within the last bit of float32; NumPy's is not.
    return np.exp(real.astype(np.float64)).astype(real.dtype)


def _inverse(real: Array) -> Array:
    return 1 / (1 + real)


def _table(
    function: Callable[[Array], Array], span: float, zero_point: int, dtype: np.dtype[np.floating]
) -> IntArray:
    """Return `function` at the ends of 512 steps over all 16-bit codes, in steps of 2^-15.

    Each sample gives up half of what a straight line would err in the middle of its step.
    """
    real = dtype.type
    scale, unit = real(span) / real(_RANGE), real(2) / real(_RANGE)
    first, last = scale * real(_LOW - zero_point), scale * real(_HIGH - zero_point)
    per_unit = real(_RANGE + 1) / (unit * real(_HIGH) - unit * real(_LOW))
    step = (last - first) / real(_STEPS)
    at = np.arange(_STEPS + 1, dtype=dtype)
    ends = function(first + at * step) * per_unit
    starts = round_away(ends[:-1])
    middles = round_away(function(first + at[:-1] * step + step / real(2)) * per_unit)
    lines = round_away((ends[1:] + starts) / real(2))
    values = starts - round_away((lines - middles) / real(2))
    final = round_away(function(np.asarray([last], dtype)) * per_unit)
    return np.clip(np.append(values, final), _LOW, _HIGH).astype(np.int64)


def _looked_up(table: IntArray, codes: IntArray) -> IntArray:
    index = 256 + (codes >> 7)
    slope = table[index + 1] - table[index]
    return table[index] + ((slope * (codes & 127) + 64) >> 7)
