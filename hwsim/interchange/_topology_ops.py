"""Every op that a table of layer shapes may name, and how its row becomes one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from hwsim.interchange._topology_layers import (
    conv,
    conv_transpose,
    linear,
    lstm,
    normalized,
    pool,
    prelu,
)
from hwsim.interchange._topology_weights import drawn_constant
from hwsim.ops import (
    Add,
    AveragePool2d,
    Binary,
    Concat,
    Constant,
    Dequantize,
    Elementary,
    Gather,
    LeakyRelu,
    LogSoftmax,
    MatMul,
    Maximum,
    MaxPool2d,
    Mean,
    Minimum,
    Mul,
    Pad,
    Quantize,
    ReduceMax,
    ReduceMin,
    Reshape,
    ResizeBilinear,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Sum,
    Tile,
    Transpose,
)
from hwsim.ops.elementary import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arrays import Shape
    from hwsim.interchange._topology_rows import Row
    from hwsim.op import Op
    from hwsim.ops.elementary import Function

Build: TypeAlias = "Callable[[Row, list[Shape]], Op]"
# A network fixes its slope; any costs the same.
_SLOPE = 0.1
_IMAGE = (1, 2)


def _flatten(row: Row, shapes: list[Shape]) -> Op:
    del row
    (x,) = shapes
    return Reshape(shape=(x[0], int(np.prod(x[1:]))))


def _global_average(row: Row, shapes: list[Shape]) -> Op:
    del row
    (x,) = shapes
    return AveragePool2d(kernel=(x[1], x[2]), stride=(1, 1))


def _global_max(row: Row, shapes: list[Shape]) -> Op:
    del row
    (x,) = shapes
    return MaxPool2d(kernel=(x[1], x[2]), stride=(1, 1))


def _reduced(kind: type[Mean | Sum | ReduceMax | ReduceMin], row: Row, shapes: list[Shape]) -> Op:
    (x,) = shapes
    keeps = row.text("keep_axes", "no", ("yes", "no")) == "yes"
    return kind(axes=row.axes(len(x), _IMAGE), keep_axes=keeps)


def _pad(row: Row, shapes: list[Shape]) -> Op:
    (x,) = shapes
    sides = row.explicit_padding()
    if sides is None or len(x) != 4:
        raise row.error("padding", "1, 0x3 or top;bottom;left;right around an image")
    return Pad(padding=((0, 0), *sides, (0, 0)))


def _slice(row: Row, shapes: list[Shape]) -> Op:
    (x,) = shapes
    axis = row.axis(len(x), -1)
    cut = (
        row.number("start", 0, least=0),
        row.number("stop", x[axis]),
        row.number("stride", 1),
    )
    whole = [(0, extent, 1) for extent in x]
    bounds = [*whole[:axis], cut, *whole[axis + 1 :]]
    start, stop, step = (tuple(bound[i] for bound in bounds) for i in range(3))
    return Slice(start=start, stop=stop, step=step)


def _shuffle(row: Row, shapes: list[Shape]) -> Op:
    """Channel j of group i goes to j * groups + i (ShuffleNet, arXiv 1707.01083, section 3.1)."""
    (x,) = shapes
    groups = row.number("groups")
    if x[-1] % groups or x[-1] > 1 << 20:
        raise row.error("groups", f"a divisor of {x[-1]} channels")
    order = np.arange(x[-1]).reshape(groups, -1).T.reshape(-1)
    return Gather(axis=len(x) - 1, indices=tuple(order.tolist()))


def _resized(kind: type[ResizeNearest | ResizeBilinear], row: Row, shapes: list[Shape]) -> Op:
    del shapes
    return kind(size=(row.number("height"), row.number("width")))


def _constant(row: Row, shapes: list[Shape]) -> Op:
    del shapes
    return Constant(value=drawn_constant(row, row.extents("shape")))


def _function(row: Row, shapes: list[Shape]) -> Op:
    del shapes
    return Elementary(function=cast("Function", row.cells["op"]))


BUILDERS: Mapping[str, Build] = {
    "conv2d": conv,
    "depthwise_conv2d": conv,
    "conv2d_transpose": conv_transpose,
    "linear": linear,
    "lstm": lstm,
    "matmul": lambda row, shapes: MatMul(),
    "matmul_transpose_b": lambda row, shapes: MatMul(transpose_b=True),
    "add": lambda row, shapes: Add(activation=row.activation),
    "sub": lambda row, shapes: Sub(activation=row.activation),
    "mul": lambda row, shapes: Mul(activation=row.activation),
    "div": lambda row, shapes: Binary(function="div"),
    "maximum": lambda row, shapes: Maximum(),
    "minimum": lambda row, shapes: Minimum(),
    "max_pool2d": pool,
    "average_pool2d": pool,
    "global_average_pool": _global_average,
    "global_max_pool": _global_max,
    "mean": partial(_reduced, Mean),
    "sum": partial(_reduced, Sum),
    "reduce_max": partial(_reduced, ReduceMax),
    "reduce_min": partial(_reduced, ReduceMin),
    "softmax": lambda row, shapes: Softmax(),
    "log_softmax": lambda row, shapes: LogSoftmax(),
    "batch_norm": normalized,
    "layer_norm": normalized,
    "rms_norm": normalized,
    "prelu": prelu,
    "leaky_relu": lambda row, shapes: LeakyRelu(alpha=_SLOPE),
    **dict.fromkeys(FUNCTIONS, _function),
    "concat": lambda row, shapes: Concat(axis=row.axis(len(shapes[0]), -1)),
    "slice": _slice,
    "shuffle": _shuffle,
    "pad": _pad,
    "flatten": _flatten,
    "reshape": lambda row, shapes: Reshape(shape=row.extents("shape")),
    "transpose": lambda row, shapes: Transpose(axes=row.axes(len(shapes[0]), ())),
    "tile": lambda row, shapes: Tile(repeats=row.extents("shape")),
    "resize_nearest": partial(_resized, ResizeNearest),
    "resize_bilinear": partial(_resized, ResizeBilinear),
    "constant": _constant,
    "quantize": lambda row, shapes: Quantize(),
    "dequantize": lambda row, shapes: Dequantize(),
}
"""Every op that a table may name, but `input`."""
