"""Dead networks: pruned so far that the output no longer depends on the input.

What an output may depend on is followed forward, position by position of the last axis: a layer
hands on a dependence only over weights that are not zero, other ops hand on whatever they read.
Where none arrives at an output, a chain has a layer without weights, or layers whose weights that
are left do not meet; a residual block whose branch is dead still hands on what its shortcut
carries. That is sound: what is called dead is dead whatever the biases. It is not complete: what
lives here may still be constant because an activation clamps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.channels.layers import Layer, group_count
from hwsim.channels.zeros import zero_columns
from hwsim.ops import (
    Add,
    AveragePool2d,
    BatchNorm,
    Binary,
    Concat,
    Dequantize,
    Elementary,
    LeakyRelu,
    Maximum,
    MaxPool2d,
    Minimum,
    Mul,
    PRelu,
    Quantize,
    Reshape,
    Sub,
)

if TYPE_CHECKING:
    from hwsim.arrays import Array
    from hwsim.graph import Graph, Node

_BY_CHANNEL = (
    Add, AveragePool2d, BatchNorm, Binary, Dequantize, Elementary, LeakyRelu, MaxPool2d, Maximum,
    Minimum, Mul, PRelu, Quantize, Sub,
)  # fmt: skip


def is_dead(graph: Graph) -> bool:
    """Return whether no output depends on any input."""
    depends = {tensor: np.ones(_extent(graph, tensor), bool) for tensor in graph.inputs}
    for node in graph.nodes:
        made = _handed_on(graph, node, [depends[tensor] for tensor in node.inputs])
        for tensor in node.outputs:
            extent = _extent(graph, tensor)
            fits = made is not None and len(made) == extent
            # Ops that mix positions hand on to all of them what any has.
            whole = any(bool(depends[own].any()) for own in node.inputs)
            depends[tensor] = made if fits and made is not None else np.full(extent, whole)
    return not any(bool(depends[tensor].any()) for tensor in graph.outputs)


def _extent(graph: Graph, tensor: str) -> int:
    shape = graph.tensors[tensor].shape
    return shape[-1] if shape else 1


def _handed_on(graph: Graph, node: Node, inputs: list[Array]) -> Array | None:
    """Return which positions of the result depend on the input; None: all, if any does."""
    op: Any = node.op
    if isinstance(op, Layer):
        return _layer(op, inputs[0])
    if isinstance(op, _BY_CHANNEL):
        extent = _extent(graph, node.outputs[0])
        parts = [own for own in inputs if len(own) in (1, extent)]
        if len(parts) < len(inputs):
            return None
        return np.logical_or.reduce([np.broadcast_to(own, extent) for own in parts])
    if isinstance(op, Concat):
        axes = len(graph.tensors[node.outputs[0]].shape)
        is_last = op.axis % axes == axes - 1
        return np.concatenate(inputs) if is_last else np.logical_or.reduce(inputs)
    if isinstance(op, Reshape):
        return _reshaped(inputs[0], _extent(graph, node.outputs[0]))
    return None


def _layer(op: Layer, own: Array) -> Array:
    if own.all():
        # Most layers: no need to say which input meets which output.
        return np.asarray(np.logical_not(zero_columns(op)).any(axis=1))
    groups = group_count(op)
    seen = np.repeat(own.reshape(groups, -1), op.weight.shape[0] // groups, axis=0)
    return np.asarray(np.logical_and(np.logical_not(zero_columns(op)), seen).any(axis=1))


def _reshaped(own: Array, extent: int) -> Array | None:
    """Row-major order: position p of the longer last axis is position p mod n of the shorter."""
    if extent % len(own) == 0:
        return np.tile(own, extent // len(own))
    if len(own) % extent:
        return None
    return np.asarray(own.reshape(-1, extent).any(axis=0))
