"""Graphs of one layer, with random weights: for how fast, not how right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

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
_WEIGHT_SCALE = 2**-7


def graph_of(layer: Layer) -> Graph:
    """Return a graph whose only node is `layer`."""
    op, inputs = _op(layer), 2 if layer.kind in ("add", "concat", "mul") else 1
    names = tuple(f"x{i}" for i in range(inputs))
    shape = (1, layer.size, layer.size, layer.channels)
    if layer.kind == "linear" or (layer.kind == "softmax" and layer.size == 1):
        shape = (1, layer.channels)
    (result,) = op.infer(*[shape] * inputs)
    x, y = _types(layer, op, shape, result)
    return validate(
        Graph(
            name="layer",
            inputs=names,
            outputs=("y",),
            tensors=dict.fromkeys(names, x) | {"y": y},
            nodes=(Node(name="layer", op=op, inputs=names, outputs=("y",)),),
        )
    )


def _types(layer: Layer, op: Op, shape: Shape, result: Shape) -> tuple[TensorType, TensorType]:
    if layer.types == "f32":
        return TensorType(shape=shape), TensorType(shape=result)
    shared = op.shares_encoding or layer.kind in ("relu", "mean")
    y = _FIXED.get(layer.kind, _X if shared else _Y)
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
    rng, out = np.random.default_rng(0), shape[0]
    if layer.types == "f32":
        weight = Weight(codes=rng.standard_normal(shape, np.float32))
        return {"weight": weight, "bias": Weight(codes=np.ones(out, np.float32))}
    scales, zeros = (_WEIGHT_SCALE,) * out, (0,) * out
    quant = Quant(scale=scales, zero_point=zeros, axis=0)
    sums = Quant(
        scale=tuple(scale * _X.scale[0] for scale in scales), zero_point=zeros, axis=0, bits=32
    )
    codes = rng.integers(-127, 128, shape, np.int8)
    return {
        "weight": Weight(codes=codes, quant=quant),
        "bias": Weight(codes=np.arange(out, dtype=np.int32), quant=sums),
    }
