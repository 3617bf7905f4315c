"""What reductions over axes share."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import GraphError
from hwsim.numerics.requantize import bind_kernel
from hwsim.numerics.rounding import Gemmlowp, fixed_point, round_away
from hwsim.ops._activation import clamped_target
from hwsim.ops._ort import bind_image_mean

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray, Shape
    from hwsim.numerics import Quant
    from hwsim.numerics.requantize import Requantizer
    from hwsim.op import Kernel, Site


def reduced(kind: str, x: Shape, axes: tuple[int, ...], keep_axes: bool) -> Shape:
    """Return the shape left of `x`; reduced axes stay with extent 1 or go.

    Raises:
        GraphError: An axis is named twice, or is none of 0..rank - 1.
    """
    if len(set(axes)) < len(axes) or not set(axes) <= set(range(len(x))):
        raise GraphError(f"{kind} over axes {list(axes)} of {list(x)}")
    if keep_axes:
        return tuple(1 if i in axes else extent for i, extent in enumerate(x))
    return tuple(extent for i, extent in enumerate(x) if i not in axes)


def stacked_axes(axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return `axes` counted after the axis of stacked samples."""
    return tuple(axis + 1 for axis in axes)


def bind_mean(site: Site, axes: tuple[int, ...], *, keep_axes: bool) -> Kernel:
    """Return the integer function of codes to the code of their mean over `axes`.

    Args:
        site: Both types are integers.
        axes: Each 0..rank - 1.
        keep_axes: Whether averaged axes stay.
    """
    x = site.inputs[0]
    count = math.prod(x.shape[axis] for axis in axes)
    is_image = (len(x.shape), sorted(axes), keep_axes) == (4, [1, 2], True)
    is_narrow = x.bits <= 8
    formula = site.numerics.total
    if formula == "fixed_offset":
        formula = "fixed_offset" if is_image and is_narrow else "fixed"
    return _bind_total(site, formula, axes, count, keep_axes=keep_axes)


def bind_sum(site: Site, axes: tuple[int, ...], *, keep_axes: bool) -> Kernel:
    """Return the integer function of codes to the code of their sum over `axes`; see `bind_mean`.

    LiteRT 2.3.0's own reference kernel makes one constant of all signed sums; `fixed` is its
    formula, which its unsigned sums follow.
    """
    return _bind_total(site, site.numerics.sum, axes, 1, keep_axes=keep_axes)


def _bind_total(
    site: Site, formula: str, axes: tuple[int, ...], count: int, *, keep_axes: bool
) -> Kernel:
    x, y = site.inputs[0].quant, site.outputs[0].quant
    assert x is not None
    assert y is not None
    terms = math.prod(site.inputs[0].shape[axis] for axis in axes)
    formulas = {
        "fixed": _bind_fixed,
        "fixed_offset": _bind_fixed_offset,
        "float32": _bind_float32,
        "float32_away": _bind_float32_away,
        "image": bind_image_mean,
    }
    requantize = formulas[formula](x, y, count)

    def run(codes: Array) -> tuple[Array, ...]:
        total = codes.sum(axis=stacked_axes(axes), keepdims=keep_axes, dtype=np.int64)
        centred = (total - terms * x.zero_point[0]).astype(np.int32)
        return (requantize(centred.reshape(-1, 1)).reshape(centred.shape),)

    return run


def _bind_fixed(x: Quant, y: Quant, count: int) -> Requantizer:
    """Return TFLite's: the mantissa of the scales' ratio divided by `count`, then gemmlowp."""
    mantissas, exponents = fixed_point(np.array([x.scale[0] / y.scale[0]]))
    mantissa, exponent = int(mantissas[0]), int(exponents[0])
    # As many bits as the count has, so that the quotient keeps 31.
    shift = min(count.bit_length() - 1, 32, 31 + exponent)
    values, shifts = np.array([(mantissa << shift) // count]), np.array([exponent - shift])
    return bind_kernel(Gemmlowp().rows, values, shifts, clamped_target("none", y))


def _bind_fixed_offset(x: Quant, y: Quant, count: int) -> Requantizer:
    """Return LiteRT's optimized mean of images: the zero point is brought to y's steps once."""
    x_scale, y_scale = np.float32(x.scale[0]), np.float32(y.scale[0])
    steps = np.float32(x.zero_point[0]) * x_scale / y_scale
    half = np.float32(0.5 if steps > 0 else -0.5)
    target = clamped_target("none", y)
    shifted = replace(target, zero_point=target.zero_point - int(steps + half))
    multiplier = x_scale / (np.float32(count) * y_scale)
    requantize = Gemmlowp().bind(float(multiplier), np.ones(1), 1.0, shifted)
    offset = np.int32(count * x.zero_point[0])

    def from_centred(accumulators: IntArray) -> IntArray:
        return requantize(accumulators + offset)

    return from_centred


def _bind_float32(x: Quant, y: Quant, count: int) -> Requantizer:
    """Return XNNPACK's: a float32 factor, and halves to even once the zero point is added."""
    ratio = np.float32(x.scale[0]) / np.float32(y.scale[0]) / np.float32(count)
    target = clamped_target("none", y)

    def requantize(accumulators: IntArray) -> IntArray:
        codes = np.rint(accumulators.astype(np.float32) * ratio + np.float32(target.zero_point))
        return np.clip(codes, target.low, target.high).astype(target.dtype)

    return requantize


def _bind_float32_away(x: Quant, y: Quant, count: int) -> Requantizer:
    """Return LiteRT's optimized sum: the ratio of the scales in float32, halves away from zero."""
    scale = np.float32(x.scale[0]) / np.float32(y.scale[0])
    target = clamped_target("none", y)

    def requantize(accumulators: IntArray) -> IntArray:
        steps = round_away(accumulators.astype(np.float32) * scale / np.float32(count))
        codes = steps.astype(np.int64) + target.zero_point
        return np.clip(codes, target.low, target.high).astype(target.dtype)

    return requantize
