"""Dynamic-range layers: integer weights, reals between ops, inputs quantized as they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.numerics.rounding import round_away
from hwsim.ops._product import require_default

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import Array, FloatArray, IntArray
    from hwsim.op import Site
    from hwsim.tensor import Weight

    Multiply = Callable[[IntArray], Array]


def is_dynamic(site: Site, weight: Weight) -> bool:
    """Return whether a layer at `site` takes and makes reals but has integer weights."""
    types = (*site.inputs, *site.outputs)
    return weight.quant is not None and all(type_.quant is None for type_ in types)


def bind_dynamic(
    site: Site, weight: Weight, bias: Weight | None, multiply: Multiply, *, is_per_position: bool
) -> Callable[[FloatArray], FloatArray]:
    """Return the layer as a function of reals: quantize, multiply integers, scale, add the bias.

    TFLite takes symmetric inputs where weights have one scale, asymmetric ones where they have a
    scale per channel; XNNPACK always takes asymmetric ones. ONNX Runtime gives the whole operand
    one scale (DynamicQuantizeLinear). Compared with LiteRT 2.3.0 on linear layers, and on
    convolutions whose weights have one scale; others follow TFLite's kernels unmeasured.

    Args:
        site: Whose numerics count.
        weight: Integer codes.
        bias: float32 [out], or None.
        multiply: Codes less their zero point, [samples, batch, ...], to int32 [..., out]; to
            float32, scaled, where groups of weights have scales of their own.
        is_per_position: Whether each position has a scale of its own, not each sample.
    """
    require_default(site, "a layer that quantizes its inputs as they arrive")
    quant = weight.quant
    scales = np.ones(1) if quant is None or quant.group is not None else np.asarray(quant.scale)
    is_tflite, is_ort = (site.numerics.dynamic == name for name in ("tflite", "ort"))
    centre = _symmetric if is_tflite and len(scales) == 1 else _asymmetric
    centre = _unsigned if is_ort else centre
    first = 1 if is_ort else 2

    def run(x: FloatArray) -> FloatArray:
        axes = (x.ndim - 1,) if is_per_position and not is_ort else tuple(range(first, x.ndim))
        codes, scale = centre(x.astype(np.float32), axes)
        real = multiply(codes) * scales * scale
        return real if bias is None else real + bias.real()

    return run


def _symmetric(x: Array, axes: tuple[int, ...]) -> tuple[IntArray, Array]:
    """Return codes -127..127 and scale = max |x| / 127."""
    largest = np.abs(x).max(axis=axes, keepdims=True)
    largest = np.where(largest == 0, np.float32(127), largest)
    steps = x * (np.float32(127) / largest)
    return np.clip(round_away(steps), -127, 127).astype(np.int8), largest / np.float32(127)


def _asymmetric(x: Array, axes: tuple[int, ...]) -> tuple[IntArray, Array]:
    """Return codes less their zero point, and the scale of a range that includes 0."""
    low: Array = np.minimum(x.min(axis=axes, keepdims=True), 0).astype(np.float64)
    high: Array = np.maximum(x.max(axis=axes, keepdims=True), 0).astype(np.float64)
    scale: Array = np.where(high == low, 1.0, (high - low) / 255.0)
    # The zero point follows from the end of the range that lies nearer to zero.
    is_low = 128.0 + np.abs(low / scale) < 127.0 + np.abs(high / scale)
    from_low, from_high = -128.0 - low / scale, 127.0 - high / scale
    zero_point = np.clip(round_away(np.where(is_low, from_low, from_high)), -128, 127)
    zero_point = zero_point.astype(np.float32)
    steps = zero_point + x * (np.float32(1) / scale.astype(np.float32))
    codes = np.clip(round_away(steps), -128, 127) - zero_point
    return codes.astype(np.int16), scale.astype(np.float32)


def _unsigned(x: Array, axes: tuple[int, ...]) -> tuple[IntArray, Array]:
    """Return codes less their zero point, and the scale of a range that includes 0, in float32."""
    zero = np.float32(0)
    low: Array = np.minimum(x.min(axis=axes, keepdims=True), zero)
    high: Array = np.maximum(x.max(axis=axes, keepdims=True), zero)
    scale: Array = np.where(high == low, np.float32(1), (high - low) / np.float32(255))
    zero_point = np.rint(np.clip(-low / scale, 0, 255)).astype(np.float32)
    codes = np.rint(np.clip(x / scale, -zero_point, 255 - zero_point))
    return codes.astype(np.int16), scale
