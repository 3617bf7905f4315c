"""Which channels have one value, at every position and for every input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.channels.zeros import zero_columns, zero_filters
from hwsim.ops import (
    Add,
    AveragePool2d,
    BatchNorm,
    Binary,
    Concat,
    Constant,
    Conv2d,
    Conv2dTranspose,
    Dequantize,
    Elementary,
    Gather,
    LeakyRelu,
    Linear,
    Maximum,
    MaxPool2d,
    Mean,
    Minimum,
    Mul,
    Pad,
    PRelu,
    Quantize,
    ReduceMax,
    ReduceMin,
    Reshape,
    ResizeBilinear,
    ResizeNearest,
    Slice,
    Sub,
    Tile,
    Transpose,
)
from hwsim.ops._activation import BOUNDS, apply_fused
from hwsim.ops.elementary import CLAMPS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.channels.layers import Layer
    from hwsim.graph import Graph, Node


def find_constants(graph: Graph) -> dict[str, FloatArray]:
    """Return per tensor the value of each position on the last axis; NaN: it has no single one.

    In an integer graph only a 0 is exact, as it is in every encoding; another value says no more
    than its sign, which is what a clamp at 0 needs to know.
    """
    values = {tensor: np.full(_extent(graph, tensor), np.nan) for tensor in graph.inputs}
    for node in graph.nodes:
        inputs = [values[tensor] for tensor in node.inputs]
        types = (*graph.input_types(node), *graph.output_types(node))
        if not _keeps_signs(node) and any(type_.quant for type_ in types):
            inputs = [np.where(own == 0, own, np.nan) for own in inputs]
        shapes = [graph.tensors[tensor].shape for tensor in (*node.inputs, *node.outputs)]
        rule = _RULES.get(type(node.op))
        made = None if rule is None else rule(node.op, inputs, shapes)
        for tensor in node.outputs:
            unknown = np.full(_extent(graph, tensor), np.nan)
            values[tensor] = unknown if made is None else made
    return values


def _extent(graph: Graph, tensor: str) -> int:
    shape = graph.tensors[tensor].shape
    return shape[-1] if shape else 1


def _keeps_signs(node: Node) -> bool:
    """Return whether the sign of the result is sure where that of the operand is."""
    op = node.op
    return isinstance(op, (MaxPool2d, Reshape, Slice, Transpose)) or (
        isinstance(op, Elementary) and op.function in CLAMPS
    )


def foldable(op: Layer, values: FloatArray) -> Array:
    """Return which inputs a layer may take as constants: bool [inputs].

    Borders see zeros instead of the constant where a convolution pads, so that only a constant of
    0 is exact there; so are constants beside integer weights that multiply quantized inputs.

    Args:
        op: The layer.
        values: Of its input's channels; NaN: not constant.
    """
    is_padded = isinstance(op, Conv2dTranspose) or (
        isinstance(op, Conv2d) and any(map(any, op.padding))
    )
    is_inexact = op.weight.quant is not None and not op.weight.is_decoded
    return values == 0 if is_padded or is_inexact else np.isfinite(values)


def added(op: Layer, values: FloatArray) -> FloatArray:
    """Return what the constants that a layer may take as such add to its results: [out].

    Args:
        op: The layer.
        values: Of its input's channels; NaN: not constant.
    """
    constants = np.where(foldable(op, values), values, 0.0)
    if not constants.any():
        return np.zeros(op.weight.shape[0])
    sums = op.weight.real().reshape(op.weight.shape[0], -1, op.weight.shape[-1]).sum(axis=1)
    return (sums * _by_output(op, constants)).sum(axis=1)


def _by_output(op: Layer, own: Array) -> Array:
    """Return what each output sees of the values of all inputs: [out, inputs per group]."""
    groups = len(own) // op.weight.shape[-1]
    return np.repeat(own.reshape(groups, -1), op.weight.shape[0] // groups, axis=0)


def _layer(op: Layer, inputs: list[FloatArray], shapes: list[Shape]) -> FloatArray:
    del shapes
    usable = foldable(op, inputs[0])
    if usable.any():
        is_known = (zero_columns(op) | _by_output(op, usable)).all(axis=1)
    else:
        is_known = zero_filters(op)
    bias = 0.0 if op.bias is None else op.bias.real()
    return np.where(is_known, apply_fused(op.activation, added(op, inputs[0]) + bias), np.nan)


def _pointwise(op: Any, inputs: list[FloatArray], shapes: list[Shape]) -> FloatArray:
    """Compute the op on one position; NaN makes NaN."""
    single = [own.reshape(1, *(1,) * (len(shapes[-1]) - 1), -1) for own in inputs]
    with np.errstate(all="ignore"):
        (made,) = op.reference(*single)
    return np.broadcast_to(made.reshape(-1), shapes[-1][-1:] or (1,))


def _product(op: Mul, inputs: list[FloatArray], shapes: list[Shape]) -> FloatArray:
    """Nothing times anything is nothing."""
    made = _pointwise(op, inputs, shapes)
    low, high = BOUNDS[op.activation]
    if not low <= 0 <= high:
        return made
    return np.where((inputs[0] == 0) | (inputs[1] == 0), 0.0, made)


def _same(op: Any, inputs: list[FloatArray], shapes: list[Shape]) -> FloatArray:
    del shapes
    return apply_fused(getattr(op, "activation", "none"), inputs[0])


def _average(op: AveragePool2d, inputs: list[FloatArray], shapes: list[Shape]) -> FloatArray:
    is_padded = op.count_padding and any(map(any, op.padding))
    own = np.where(inputs[0] == 0, 0.0, np.nan) if is_padded else inputs[0]
    return _same(op, [own], shapes)


def _reduced(
    op: Mean | ReduceMax | ReduceMin, inputs: list[FloatArray], shapes: list[Shape]
) -> FloatArray | None:
    return None if len(shapes[0]) - 1 in op.axes else inputs[0]


def _pad(op: Pad, inputs: list[FloatArray], shapes: list[Shape]) -> FloatArray | None:
    del shapes
    return None if any(op.padding[-1]) else np.where(inputs[0] == 0, 0.0, np.nan)


def _gather(op: Gather, inputs: list[FloatArray], shapes: list[Shape]) -> FloatArray:
    return inputs[0][list(op.indices)] if op.axis == len(shapes[0]) - 1 else inputs[0]


def _concat(op: Concat, inputs: list[FloatArray], shapes: list[Shape]) -> FloatArray:
    if op.axis % len(shapes[0]) == len(shapes[0]) - 1:
        return np.concatenate(inputs)
    return _agreed(np.stack(inputs))


def _agreed(rows: FloatArray) -> FloatArray:
    """Return the value of each column of [rows, n] where all rows have the same."""
    return np.where((rows == rows[0]).all(axis=0), rows[0], np.nan)


def _constant(op: Constant, inputs: list[FloatArray], shapes: list[Shape]) -> FloatArray:
    del inputs, shapes
    return _agreed(op.value.real().reshape(-1, op.value.shape[-1]))


def _reshape(op: Reshape, inputs: list[FloatArray], shapes: list[Shape]) -> FloatArray | None:
    """Row-major order, as for the numbers of channels."""
    del op
    extent = shapes[-1][-1] if shapes[-1] else 1
    if extent % len(inputs[0]) == 0:
        return np.tile(inputs[0], extent // len(inputs[0]))
    return None if len(inputs[0]) % extent else _agreed(inputs[0].reshape(-1, extent))


def _transpose(op: Transpose, inputs: list[FloatArray], shapes: list[Shape]) -> FloatArray | None:
    return inputs[0] if op.axes[-1] == len(shapes[0]) - 1 else None


def _slice(op: Slice, inputs: list[FloatArray], shapes: list[Shape]) -> FloatArray:
    del shapes
    return inputs[0][op.start[-1] : op.stop[-1] : op.step[-1]]


def _tile(op: Tile, inputs: list[FloatArray], shapes: list[Shape]) -> FloatArray:
    del shapes
    return np.tile(inputs[0], op.repeats[-1])


_RULES: Mapping[type, Callable[[Any, list[FloatArray], list[Shape]], FloatArray | None]] = {
    **dict.fromkeys((Conv2d, Conv2dTranspose, Linear), _layer),
    **dict.fromkeys((Add, Sub, Maximum, Minimum, Binary), _pointwise),
    **dict.fromkeys((BatchNorm, Elementary, LeakyRelu, PRelu), _pointwise),
    **dict.fromkeys((Dequantize, MaxPool2d, Quantize, ResizeBilinear, ResizeNearest), _same),
    **dict.fromkeys((Mean, ReduceMax, ReduceMin), _reduced),
    AveragePool2d: _average,
    Concat: _concat,
    Constant: _constant,
    Gather: _gather,
    Mul: _product,
    Pad: _pad,
    Reshape: _reshape,
    Slice: _slice,
    Tile: _tile,
    Transpose: _transpose,
}
"""The values of the result; None: unknown."""
