"""Graphs of one layer: for how fast, not how right. Dense weights are all one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hwsim.calibrate.layers import DENSE
from hwsim.calibrate.sparse_layers import weights_of
from hwsim.formats.find import find_format
from hwsim.graph import Graph, Node, validate
from hwsim.numerics import Quant
from hwsim.ops import (
    Add,
    AveragePool2d,
    Concat,
    Conv2d,
    Elementary,
    Linear,
    MaxPool2d,
    Mean,
    Mul,
    Softmax,
)
from hwsim.tensor import TensorType, Weight

if TYPE_CHECKING:
    from hwsim.arrays import Shape
    from hwsim.calibrate.layers import Layer
    from hwsim.op import Op

# Where a kernel fixes the encoding of its result, and where not.
_FIXED: Final = {
    "softmax": Quant(scale=(1 / 256,), zero_point=(-128,)),
    "logistic": Quant(scale=(1 / 256,), zero_point=(-128,)),
    "tanh": Quant(scale=(1 / 128,), zero_point=(0,)),
}
# Powers of two, which files hold as they are.
_X, _Y = Quant(scale=(2**-5,), zero_point=(3,)), Quant(scale=(2**-4,), zero_point=(-5,))
# No code is below that of 0, so that saturation is all that a fused relu needs.
_CLAMPED = Quant(scale=(2**-4,), zero_point=(-128,))
_WEIGHT_SCALE = 2**-7


def graph_of(layer: Layer, copies: int = 1) -> Graph:
    """Return a graph of `layer`, or of several in a row where it keeps its input's shape.

    Args:
        layer: What each node is.
        copies: How many, >= 1.
    """
    op, inputs = _op(layer), 2 if layer.kind in ("add", "concat", "mul") else 1
    names = tuple(f"x{i}" for i in range(inputs))
    shape = (1, layer.size, layer.size, layer.channels)
    if layer.kind == "linear" or (layer.kind == "softmax" and layer.size == 1):
        shape = (1, layer.channels)
    (result,) = op.infer(*[shape] * inputs)
    x, y = _types(layer, op, shape, result)
    made = [f"y{i}" for i in range(copies)]
    nodes = tuple(
        Node(name=f"layer{i}", op=op, inputs=names if i == 0 else (made[i - 1],), outputs=(name,))
        for i, name in enumerate(made)
    )
    return validate(
        Graph(
            name="layer",
            inputs=names,
            outputs=(made[-1],),
            tensors=dict.fromkeys(names, x) | dict.fromkeys(made, y),
            nodes=nodes,
        )
    )


def _types(layer: Layer, op: Op, shape: Shape, result: Shape) -> tuple[TensorType, TensorType]:
    if layer.types == "f32":
        return TensorType(shape=shape), TensorType(shape=result)
    shared = op.shares_encoding or layer.kind in ("relu", "mean")
    y = _FIXED.get(layer.kind, _X if shared else _CLAMPED if isinstance(op, Conv2d) else _Y)
    return TensorType(shape=shape, quant=_X), TensorType(shape=result, quant=y)


def _op(layer: Layer) -> Any:
    window: Any = {
        "kernel": (layer.kernel, layer.kernel),
        "stride": (layer.stride, layer.stride),
        "padding": _padding(layer),
    }
    match layer.kind:
        case "conv2d" | "pointwise_conv2d" | "depthwise_conv2d":
            return _convolution(layer)
        case "linear":
            return Linear(**_weights(layer, (layer.out, layer.channels)))
        case "average_pool2d":
            return AveragePool2d(**window)
        case "max_pool2d":
            return MaxPool2d(**window)
        case "softmax":
            return Softmax()
        case "add":
            return Add()
        case "mul":
            return Mul()
        case "concat":
            return Concat(axis=3)
        case "mean":
            return Mean(axes=(1, 2), keep_axes=True)
        case _:
            return Elementary(function=layer.kind)  # pyright: ignore[reportArgumentType]


def _convolution(layer: Layer) -> Conv2d:
    is_depthwise = layer.kind == "depthwise_conv2d"
    depth = 1 if is_depthwise else layer.channels
    return Conv2d(
        **_weights(layer, (layer.out, layer.kernel, layer.kernel, depth)),
        stride=(layer.stride, layer.stride),
        padding=_padding(layer),
        groups=layer.channels if is_depthwise else 1,
        activation="relu",
    )


def _padding(layer: Layer) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return what keeps ceil(size / stride) outputs, the odd row behind, as TFLite's `same`."""
    out = -(-layer.size // layer.stride)
    total = max(0, (out - 1) * layer.stride + layer.kernel - layer.size)
    sides = (total // 2, total - total // 2)
    return (sides, sides)


def _weights(layer: Layer, shape: Shape) -> dict[str, Any]:
    """Return a weight and a bias; of ones, which lie in memory once, where it is dense."""
    out = shape[0]
    if layer.types == "f32":
        one = np.float32(1)
        return {
            "weight": Weight(codes=np.broadcast_to(one, shape)),
            "bias": Weight(codes=np.broadcast_to(one, (out,))),
        }
    zeros = (0,) * out
    quant = Quant(scale=(_WEIGHT_SCALE,) * out, zero_point=zeros, axis=0)
    sums = Quant(scale=(_WEIGHT_SCALE * _X.scale[0],) * out, zero_point=zeros, axis=0, bits=32)
    weight = Weight(codes=np.broadcast_to(np.int8(1), shape), quant=quant)
    if layer.format != DENSE:
        format_ = find_format(layer.format)
        weight = Weight(codes=weights_of(layer, shape), quant=quant, format=format_)
    return {
        "weight": weight,
        "bias": Weight(codes=np.broadcast_to(np.int32(1), (out,)), quant=sums),
    }
