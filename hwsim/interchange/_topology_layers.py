"""Rows of a table of layer shapes that have weights or windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.errors import InterchangeError
from hwsim.interchange._topology_weights import drawn_weight, ones_and_zeros, slopes, zero_bias
from hwsim.kernels.patches import same_padding
from hwsim.ops import (
    AveragePool2d,
    BatchNorm,
    Conv2d,
    Conv2dTranspose,
    LayerNorm,
    Linear,
    Lstm,
    MaxPool2d,
    PRelu,
    RmsNorm,
)

if TYPE_CHECKING:
    from hwsim.arrays import Shape
    from hwsim.interchange._topology_rows import Row
    from hwsim.kernels.patches import Padding, Pair
    from hwsim.op import Op
    from hwsim.tensor import Weight


def conv(row: Row, shapes: list[Shape]) -> Op:
    """Return a convolution; a depthwise one has as many groups as input channels."""
    (x,) = shapes
    is_depthwise = row.cells["op"] == "depthwise_conv2d"
    kernel, stride, dilation = _windows(row)
    groups = x[3] if is_depthwise else row.number("groups", 1)
    out = row.number("channels", x[3] if is_depthwise else None)
    if x[3] % groups or out % groups:
        raise InterchangeError(f"{row.where}: {groups} groups do not divide {x[3]} and {out}")
    weight = drawn_weight(row, (out, *kernel, x[3] // groups))
    return Conv2d(
        weight=weight,
        bias=_bias(row, weight),
        stride=stride,
        padding=_padding(row, x, kernel, stride, dilation),
        dilation=dilation,
        groups=groups,
        activation=row.activation,
    )


def conv_transpose(row: Row, shapes: list[Shape]) -> Op:
    """Return a transposed convolution; `same` makes extents stride times as large."""
    (x,) = shapes
    kernel, stride, dilation = _windows(row)
    groups, out = row.number("groups", 1), row.number("channels")
    if x[3] % groups or out % groups:
        raise InterchangeError(f"{row.where}: {groups} groups do not divide {x[3]} and {out}")
    cut, extra = row.explicit_padding(), [0, 0]
    if cut is None:
        over = [(kernel[i] - 1) * dilation[i] + 1 - stride[i] for i in range(2)]
        if row.cells.get("padding") == "valid":
            over = [0, 0]
        extra = [max(-total, 0) for total in over]
        top, left = (max(total, 0) for total in over)
        cut = (top // 2, top - top // 2), (left // 2, left - left // 2)
    weight = drawn_weight(row, (out, *kernel, x[3] // groups))
    return Conv2dTranspose(
        weight=weight,
        bias=_bias(row, weight),
        stride=stride,
        padding=cut,
        extra=(extra[0], extra[1]),
        dilation=dilation,
        groups=groups,
        activation=row.activation,
    )


def linear(row: Row, shapes: list[Shape]) -> Op:
    """Return a fully connected layer over the last axis."""
    (x,) = shapes
    weight = drawn_weight(row, (row.number("channels"), x[-1]))
    return Linear(weight=weight, bias=_bias(row, weight), activation=row.activation)


def lstm(row: Row, shapes: list[Shape]) -> Op:
    """Return a long short-term memory of `channels` cells with four gates."""
    (x,) = shapes
    cells = row.number("channels")
    weight = drawn_weight(row, (4 * cells, x[-1]))
    recurrent = drawn_weight(row, (4 * cells, cells))
    return Lstm(input_weight=weight, recurrent_weight=recurrent, bias=zero_bias(weight))


def pool(row: Row, shapes: list[Shape]) -> Op:
    """Return a pool; its windows lie side by side unless a stride is given."""
    (x,) = shapes
    kernel = row.pair("kernel")
    stride = row.pair("stride", kernel)
    is_max = row.cells["op"] == "max_pool2d"
    return (MaxPool2d if is_max else AveragePool2d)(
        kernel=kernel,
        stride=stride,
        padding=_padding(row, x, kernel, stride, (1, 1)),
        activation=row.activation,
    )


def prelu(row: Row, shapes: list[Shape]) -> Op:
    """Return a rectifier with a slope per channel."""
    (x,) = shapes
    return PRelu(alpha=slopes(row, x[-1]))


def normalized(row: Row, shapes: list[Shape]) -> Op:
    """Return a normalisation over the last axis."""
    (x,) = shapes
    ones, zeros = ones_and_zeros(row, x[-1])
    match row.cells["op"]:
        case "batch_norm":
            return BatchNorm(gamma=ones, beta=zeros, mean=zeros, variance=ones)
        case "layer_norm":
            return LayerNorm(gamma=ones, beta=zeros)
        case _:
            return RmsNorm(gamma=ones)


def _windows(row: Row) -> tuple[Pair, Pair, Pair]:
    """Return kernel, stride and dilation."""
    return row.pair("kernel"), row.pair("stride", (1, 1)), row.pair("dilation", (1, 1))


def _padding(row: Row, x: Shape, kernel: Pair, stride: Pair, dilation: Pair) -> Padding:
    explicit = row.explicit_padding()
    if explicit is not None:
        return explicit
    if row.cells.get("padding") == "valid":
        return (0, 0), (0, 0)
    above = same_padding(x[1], kernel[0], stride[0], dilation[0])
    return above, same_padding(x[2], kernel[1], stride[1], dilation[1])


def _bias(row: Row, weight: Weight) -> Weight | None:
    has_bias = row.text("bias", "no", ("yes", "no")) == "yes"
    return zero_bias(weight) if has_bias else None
