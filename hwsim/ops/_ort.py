"""Integer ops as ONNX Runtime's CPU provider computes them, float32 throughout.

By default it turns int8 tensors between a quantize and a dequantize node into uint8 ones, so codes
count from the lowest code of their type here: that decides where float32 rounds. Measured with ONNX
Runtime 1.31.1 on x86-64, see tests/oracle/test_onnxruntime.py.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hwsim.numerics.float_product import Float32Even
from hwsim.numerics.fused import fused_multiply_add
from hwsim.numerics.requantize import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import Array, IntArray, Shape
    from hwsim.numerics import Quant
    from hwsim.numerics.requantize import Requantizer
    from hwsim.op import Kernel

_IMAGE_RANK = 4
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
# Room that the softmax's table leaves below the largest float32, as a power of e.
_SOFTMAX_RESERVE = 5.0


def decode_float32(codes: Array, quant: Quant) -> Array:
    """Return scale * (code - zero point) in float32 (DequantizeLinear)."""
    centred = (codes.astype(np.int64) - quant.zero_point[0]).astype(np.float32)
    return centred * np.float32(quant.scale[0])


def encode_float32(real: Array, quant: Quant) -> IntArray:
    """Return rint(real / scale) + zero point, clamped (QuantizeLinear); no number gives the lowest.

    Args:
        real: Of any float type; it is rounded to float32 first.
        quant: Of the result.
    """
    zero_point = quant.zero_point[0]
    with np.errstate(over="ignore"):
        steps = real.astype(np.float32) / np.float32(quant.scale[0])
    known = np.nan_to_num(steps, nan=-np.inf)
    inside = np.clip(known, quant.low - zero_point, quant.high - zero_point)
    return (np.rint(inside).astype(np.int64) + zero_point).astype(quant.dtype)


def bind_sum(a: Quant, b: Quant, y: Quant, target: Target) -> Kernel:
    """Return QLinearAdd: a table of all pairs of codes of at most 8 bits.

    With r = scale / output scale and everything in float32, y = fma(a, r_a, fma(b, r_b, c)), where
    c = z_y - fma(r_a, z_a, r_b z_b). Where `a` is what one value is spread over the innermost axis,
    the operands change places.
    """
    straight = _sum_table(a, b, y, target)
    swapped = _sum_table(b, a, y, target).T

    def run(left: Array, right: Array) -> tuple[Array, ...]:
        table = swapped if is_spread(left.shape[1:], right.shape[1:]) else straight
        rank = max(left.ndim, right.ndim)
        rows = (left.astype(np.int64) - a.low).reshape(_grown(left.shape, rank))
        columns = (right.astype(np.int64) - b.low).reshape(_grown(right.shape, rank))
        return (table[rows, columns],)

    return run


def is_spread(a: Shape, b: Shape) -> bool:
    """Return whether ONNX Runtime spreads single values of `a` over runs of `b`.

    The last axis that either operand has decides. Of two images, which lie there with channels
    first, it is the smaller one; the writer of ONNX puts it second, so that it always is.
    """
    if max(len(a), len(b)) == _IMAGE_RANK and math.prod(a) != math.prod(b):
        return math.prod(a) < math.prod(b)
    if not a or not b:
        return not a
    shared = zip(a[::-1], b[::-1], strict=False)
    return next((left == 1 for left, right in shared if max(left, right) > 1), True)


def _grown(shape: Shape, rank: int) -> Shape:
    return (shape[0], *(1,) * (rank - len(shape)), *shape[1:])


def _sum_table(a: Quant, b: Quant, y: Quant, target: Target) -> IntArray:
    """Return the codes of all sums, [codes of a, codes of b]."""
    ratio_a = np.float32(a.scale[0]) / np.float32(y.scale[0])
    ratio_b = np.float32(b.scale[0]) / np.float32(y.scale[0])
    zero_a, zero_b, zero_y = (np.float32(q.zero_point[0] - lowest(q)) for q in (a, b, y))
    constant = zero_y - fused_multiply_add(ratio_a, zero_a, ratio_b * zero_b)
    columns = fused_multiply_add(_codes(b), ratio_b, constant)
    steps = fused_multiply_add(_codes(a)[:, None], ratio_a, columns)
    return _clamped(steps, y, target)


def lowest(quant: Quant) -> int:
    """Return the lowest code of the type that holds codes of `quant`."""
    return int(np.iinfo(quant.dtype).min)


def _codes(quant: Quant) -> Array:
    return np.arange(quant.low, quant.high + 1).astype(np.float32) - np.float32(lowest(quant))


def _clamped(steps: Array, y: Quant, target: Target) -> IntArray:
    """Return codes of `steps`, which count from the lowest code, as x86 converts them.

    What 32 bits cannot hold becomes the smallest number there.
    """
    fits = np.abs(np.rint(steps)) < 2.0**31
    whole = np.where(fits, np.rint(steps), -(2.0**31)).astype(np.int64) + lowest(y)
    return np.clip(whole, target.low, target.high).astype(target.dtype)


def bind_average(y: Quant, counts: IntArray, target: Target) -> Callable[[Array], IntArray]:
    """Return QLinearAveragePool: of decoded windows [..., height, width, channels] to codes.

    Reals are summed in float32 row by row; the zero point is added before the mean is rounded.

    Args:
        y: Encoding of the result.
        counts: Elements that each window averages, [height, width, 1].
        target: Clamp and type of the codes.
    """
    zero_point = np.float32(y.zero_point[0] - lowest(y))

    def average(windows: Array) -> IntArray:
        total = np.zeros((*windows.shape[:-3], windows.shape[-1]), np.float32)
        for row in range(windows.shape[-3]):
            for column in range(windows.shape[-2]):
                total += windows[..., row, column, :]
        mean = total / counts.astype(np.float32)
        return _clamped(mean / np.float32(y.scale[0]) + zero_point, y, target)

    return average


def bind_image_mean(x: Quant, y: Quant, count: int) -> Requantizer:
    """Return QLinearGlobalAveragePool: of sums of centred codes of whole images to codes."""
    scale = np.float32(x.scale[0]) / (np.float32(y.scale[0]) * np.float32(count))
    target = Target(zero_point=y.zero_point[0], low=y.low, high=y.high, dtype=y.dtype)
    return Float32Even().bind(float(scale), np.ones(1), 1.0, target)


def bind_softmax(x: Quant, y: Quant, beta: float, classes: int) -> Kernel:
    """Return QLinearSoftmax: float32 powers from a table, summed in order.

    The table's powers are as large as their sum may be in float32; 1 / output scale is cut to a
    whole number.
    """
    scale = float(np.float32(x.scale[0] * beta))
    largest = np.log(np.float64(np.float32(_LARGEST_FLOAT32) / np.float32(classes)))
    shift = max(0.0, float(np.float32(largest)) - _SOFTMAX_RESERVE) / scale
    powers = np.exp((np.arange(-255, 1) + shift) * scale).astype(np.float32)
    steps_per_unit = np.floor(np.float32(1) / np.float32(y.scale[0]))

    def run(codes: Array) -> tuple[Array, ...]:
        wide = codes.astype(np.int64)
        terms = powers[255 + wide - wide.max(axis=-1, keepdims=True)]
        total = np.cumsum(terms, axis=-1, dtype=np.float32)[..., -1:]
        with np.errstate(over="ignore"):
            steps = np.rint(terms * steps_per_unit / total)
        # With very few classes the product leaves float32; x86 makes 0 of infinity.
        whole = np.where(np.isfinite(steps), steps, 0).astype(np.int64)
        return (np.clip(whole + y.zero_point[0], y.low, y.high).astype(y.dtype),)

    return run
