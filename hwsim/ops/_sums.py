"""Sums as other runtimes than TFLite's reference and XNNPACK compute them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import kernel
from hwsim.numerics.multiplier import (
    doubling_high,
    fixed_point,
    gemmlowp_round,
    round_away,
    single_round,
)
from hwsim.ops._elementwise import aligned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arrays import Array, IntArray, Shape
    from hwsim.numerics import Quant
    from hwsim.numerics.rounding import Target
    from hwsim.op import Kernel

    Quants = tuple[Quant, Quant, Quant]

_LEFT_SHIFT = 20
# How one element is summed: by TFLite's reference, or by LiteRT's vectors.
_REFERENCE, _ONCE, _FLOORED = 0, 1, 2
# Elements of one vector step, of signed and of unsigned codes, and beside a single number.
_SIGNED_LANES, _LANES = 16, 8
_NO_VECTORS = np.full(1, _REFERENCE, np.int8)


def bind_single(quants: Quants, target: Target, sign: int) -> Kernel:
    """Return TFLite's sum with one rounding per rescaling."""
    mantissa, exponent, constants = _constants(quants, target, sign)

    def run(a: Array, b: Array) -> tuple[Array, ...]:
        left, right = np.broadcast_arrays(*aligned(a, b))
        out = np.empty(left.shape, target.dtype)
        _add_single(left.ravel(), right.ravel(), mantissa, exponent, constants, out.reshape(-1))
        return (out,)

    return run


def bind_lanes(quants: Quants, target: Target, sign: int) -> Kernel:
    """Return LiteRT's optimized sum: whole vectors rescale inputs otherwise than what is left.

    Differences have no such kernel: all of their elements are left to the reference.
    """
    mantissa, exponent, constants = _constants(quants, target, sign)
    is_signed = quants[2].signed

    def run(a: Array, b: Array) -> tuple[Array, ...]:
        first, second = aligned(a, b)
        ways = _ways(first.shape[1:], second.shape[1:], is_signed) if sign > 0 else _NO_VECTORS
        left, right = np.broadcast_arrays(first, second)
        out = np.empty(left.shape, target.dtype)
        _add_lanes(
            left.ravel(), right.ravel(), ways, mantissa, exponent, constants, out.reshape(-1)
        )
        return (out,)

    return run


def bind_float32(quants: Quants, target: Target, sign: int) -> Kernel:
    """Return TinyEngine's sum (add_fpreq): float32 step by step, halves away from zero."""
    a_quant, b_quant, y_quant = quants
    zero = np.float32(y_quant.zero_point[0])

    def real(codes: IntArray, quant: Quant) -> Array:
        centred = codes.astype(np.float32) - np.float32(quant.zero_point[0])
        return centred * np.float32(quant.scale[0])

    def run(a: Array, b: Array) -> tuple[Array, ...]:
        left, right = aligned(a, b)
        total = real(left, a_quant) + np.float32(sign) * real(right, b_quant)
        steps = round_away((total / np.float32(y_quant.scale[0]) + zero).astype(np.float64))
        return (np.clip(steps, target.low, target.high).astype(target.dtype),)

    return run


def _constants(quants: Quants, target: Target, sign: int) -> tuple[IntArray, IntArray, IntArray]:
    """Return mantissas and exponents of a, b and y, and the other whole numbers of a sum."""
    a, b, y = quants
    twice_max = 2.0 * max(a.scale[0], b.scale[0])
    reals = a.scale[0] / twice_max, b.scale[0] / twice_max
    mantissa, exponent = fixed_point(
        np.array([*reals, twice_max / ((1 << _LEFT_SHIFT) * y.scale[0])])
    )
    zeros = a.zero_point[0], b.zero_point[0], target.zero_point
    return mantissa, exponent, np.array([*zeros, target.low, target.high, sign], np.int64)


@cache
def _ways(a: Shape, b: Shape, is_signed: bool) -> IntArray:
    """Return how each element of a sum of these shapes, of equal rank, is computed: int8 [size].

    Shapes that broadcast are cut into runs: axes that both have, innermost, are summed in vectors;
    where the innermost axis is one of b's alone, each number of a goes along a run of b. Shapes
    that need more than five nested loops are left to the reference (ProcessBroadcastShapes).
    """
    size = int(np.prod(np.broadcast_shapes(a, b)))
    if a == b:
        return _run_ways(size, size, is_signed, _REFERENCE)
    axes = range(len(a))
    equal = [i for i in axes if a[i] == b[i]]
    innermost = max(i for i in axes if a[i] != b[i])
    few, many = (a, b) if a[innermost] == 1 else (b, a)
    run, axis = _taken(len(a) - 1, equal, many)
    row, axis = _taken(axis, [i for i in axes if few[i] == 1], many)
    for where in (equal, [i for i in axes if many[i] == 1], equal):
        _, axis = _taken(axis, where, many)
    if axis >= 0:
        return _NO_VECTORS
    if run > 1:
        return _run_ways(size, run, is_signed, _REFERENCE)
    return _run_ways(size, row, is_signed, _FLOORED)


def _taken(axis: int, where: list[int], shape: Shape) -> tuple[int, int]:
    """Return the extent of `axis` and those before it while they are in `where`, and the next."""
    extent = 1
    while axis >= 0 and axis in where:
        extent *= shape[axis]
        axis -= 1
    return extent, axis


def _run_ways(size: int, run: int, is_signed: bool, beside: int) -> IntArray:
    """Return the ways of `size` elements in runs of `run`, whole vectors first."""
    is_once = is_signed and beside == _REFERENCE
    lanes = _SIGNED_LANES if is_once else _LANES
    ways = np.full(run, _REFERENCE, np.int8)
    ways[: run // lanes * lanes] = _ONCE if is_once else _FLOORED
    return np.tile(ways, size // run)


@kernel
def _add_single(
    a: IntArray, b: IntArray, mantissa: IntArray, exponent: IntArray, constants: IntArray,
    out: IntArray,
) -> None:  # fmt: skip
    for i in range(out.shape[0]):
        left = (int(a[i]) - constants[0]) << _LEFT_SHIFT
        right = (int(b[i]) - constants[1]) << _LEFT_SHIFT
        total = single_round(left, mantissa[0], exponent[0]) + constants[5] * single_round(
            right, mantissa[1], exponent[1]
        )
        y = single_round(total, mantissa[2], exponent[2]) + constants[2]
        out[i] = min(max(y, constants[3]), constants[4])


@kernel
def _add_lanes(
    a: IntArray, b: IntArray, ways: IntArray, mantissa: IntArray, exponent: IntArray,
    constants: IntArray, out: IntArray,
) -> None:  # fmt: skip
    for i in range(out.shape[0]):
        way = int(ways[i % ways.shape[0]])
        left = _rescaled(int(a[i]) - constants[0], mantissa[0], exponent[0], way)
        right = _rescaled(int(b[i]) - constants[1], mantissa[1], exponent[1], way)
        total = left + constants[5] * right
        y = gemmlowp_round(total, mantissa[2], exponent[2]) + constants[2]
        out[i] = min(max(y, constants[3]), constants[4])


@kernel
def _rescaled(code: int, mantissa: int, exponent: int, way: int) -> int:
    """Return code * 2^20 * mantissa * 2^(exponent - 31), the exponent at most 0; all int64."""
    if way == _ONCE:
        shift = _LEFT_SHIFT + exponent
        shifted = code << shift if shift >= 0 else code >> -shift
        return doubling_high(shifted, mantissa, 0)
    if way == _FLOORED:
        return doubling_high(code << _LEFT_SHIFT, mantissa, 0) >> -exponent
    return gemmlowp_round(code << _LEFT_SHIFT, mantissa, exponent)


OTHER_SUMS: Mapping[str, Callable[[Quants, Target, int], Kernel]] = {
    "shift20_single": bind_single,
    "shift20_lanes": bind_lanes,
    "float32": bind_float32,
}
"""By `Numerics.add`."""
