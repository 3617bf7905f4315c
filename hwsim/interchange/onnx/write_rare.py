"""Ops that are rare in networks of integers, as ONNX operators: all compute in reals there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.interchange.onnx.write_draft import CHANNELS_FIRST, Wire, raised, unsigned
from hwsim.interchange.onnx.write_products import bias_of, weight_of
from hwsim.ops._interpolation import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.interchange.onnx.write_place import Place
    from hwsim.ops import (
        Binary,
        Conv2dTranspose,
        Gather,
        LeakyRelu,
        LogSoftmax,
        PRelu,
        ResizeBilinear,
        ResizeNearest,
    )

_HEIGHT, _WIDTH = 2, 3


def write_binary(place: Place, op: Binary) -> None:
    """Write Div or Pow; the square of a difference as a product of it with itself."""
    order = place.liked_order()
    operands = [place.spread(i, order) for i in (0, 1)]
    shape = tuple(place.output.shape[axis] for axis in order)
    if op.function != "squared_difference":
        kind = {"div": "Div", "pow": "Pow"}[op.function]
        place.done(place.apply(kind, operands, shape, order=order))
        return
    inputs = [place.draft.real(wire) for wire in operands]
    name = place.draft.emit("Sub", inputs, f"{place.stem}.difference")
    difference = Wire(name=name, shape=shape, order=order)
    place.done(place.apply("Mul", [difference, difference], shape, order=order))


def write_conv_transpose(place: Place, op: Conv2dTranspose) -> None:
    """Write ConvTranspose, whose weight lies [in, out / groups, height, width]."""
    x = place.operand(0, CHANNELS_FIRST)
    shape = tuple(place.output.shape[axis] for axis in CHANNELS_FIRST)
    (top, bottom), (left, right) = op.padding
    weight = weight_of(place, op.weight, (0, 1, 2, 3), 0)
    real = place.draft.real(weight)
    out, height, width, depth = op.weight.shape
    rows = out // op.groups
    sizes = place.integers("grouped", (op.groups, rows, height, width, depth))
    grouped = place.draft.emit("Reshape", [real, sizes], f"{place.stem}.grouped")
    turned = place.draft.emit(
        "Transpose", [grouped], f"{place.stem}.turned", attributes={"perm": [0, 4, 1, 2, 3]}
    )
    flat = place.integers("flat", (op.groups * depth, rows, height, width))
    kernel = place.draft.emit("Reshape", [turned, flat], f"{place.stem}.kernel")
    bias = [place.draft.real(wire) for wire in bias_of(place, op.bias)]
    wire = place.apply(
        "ConvTranspose",
        [x],
        shape,
        extra=[kernel, *bias],
        order=CHANNELS_FIRST,
        activation=op.activation,
        kernel_shape=list(op.kernel),
        strides=list(op.stride),
        pads=[top, left, bottom, right],
        output_padding=list(op.extra),
        dilations=list(op.dilation),
        group=op.groups,
    )
    place.done(wire)


def write_gather(place: Place, op: Gather) -> None:
    """Write Gather along the axis, wherever it lies."""
    order = place.liked_order()
    shape = tuple(place.output.shape[axis] for axis in order)
    indices = place.integers("indices", op.indices)
    axis = order.index(op.axis)
    x = place.operand(0, order)
    place.done(place.apply("Gather", [x], shape, extra=[indices], order=order, axis=axis))


def write_leaky_relu(place: Place, op: LeakyRelu) -> None:
    """Write LeakyRelu."""
    x = place.operand(0, place.liked_order())
    place.done(place.apply("LeakyRelu", [x], x.shape, order=x.order, alpha=op.alpha))


def write_log_softmax(place: Place, op: LogSoftmax) -> None:
    """Write LogSoftmax over the last axis."""
    del op
    x = place.operand(0)
    place.done(place.apply("LogSoftmax", [x], x.shape, axis=-1))


def write_prelu(place: Place, op: PRelu) -> None:
    """Write PRelu; the slopes lie along the last axis."""
    x, quant, values = place.operand(0), op.alpha.quant, op.alpha.codes
    if quant is not None:
        values, quant = raised(values, quant), unsigned(quant)
    name = place.draft.constant(f"{place.stem}.slope", values)
    slope = Wire(name=name, shape=values.shape, order=(0,), quant=quant, values=values)
    place.done(place.apply("PRelu", [x, slope], x.shape))


def reduction(kind: str) -> Callable[[Place, Any], None]:
    """Return the writer of an operator that makes one element of those along some axes."""

    def write(place: Place, op: Any) -> None:
        axes = place.integers("axes", op.axes)
        wire = place.apply(
            kind,
            [place.operand(0)],
            place.output.shape,
            extra=[axes],
            keepdims=int(op.keep_axes),
        )
        place.done(wire)

    return write


def write_resize_bilinear(place: Place, op: ResizeBilinear) -> None:
    """Write Resize, which interpolates between pixels."""
    place.done(_resized(place, mode="linear", coordinate_transformation_mode=op.positions))


def write_resize_nearest(place: Place, op: ResizeNearest) -> None:
    """Write Resize by whole factors, else the rows and columns that are copied."""
    extents = place.inputs[0].shape[1:3]
    chosen = [
        nearest(extent, size, op.positions) for extent, size in zip(extents, op.size, strict=True)
    ]
    copies = [
        np.repeat(np.arange(extent), size // extent)
        for extent, size in zip(extents, op.size, strict=True)
    ]
    if all(np.array_equal(*pair) for pair in zip(chosen, copies, strict=True)):
        mode = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        place.done(_resized(place, mode="nearest", **mode))
        return
    x = place.operand(0, CHANNELS_FIRST)
    for axis, indices in zip((_HEIGHT, _WIDTH), chosen, strict=True):
        name = place.integers("indices", indices.tolist())
        shape = tuple(len(indices) if i == axis else n for i, n in enumerate(x.shape))
        is_last = axis == _WIDTH
        quant = place.quant if is_last else x.quant
        x = place.apply(
            "Gather", [x], shape, extra=[name], order=CHANNELS_FIRST, quant=quant, axis=axis
        )
    place.done(x)


def _resized(place: Place, **attributes: Any) -> Wire:
    shape = tuple(place.output.shape[axis] for axis in CHANNELS_FIRST)
    sizes = place.integers("sizes", shape)
    x = place.operand(0, CHANNELS_FIRST)
    return place.apply(
        "Resize", [x], shape, extra=["", "", sizes], order=CHANNELS_FIRST, **attributes
    )
