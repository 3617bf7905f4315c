"""Take positions out of a graph: weights, shapes and everything that names a position."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from hwsim.errors import FormatError, RecipeError
from hwsim.graph import validate
from hwsim.ops import BatchNorm, Constant, Conv2d, Conv2dTranspose, Linear, PRelu, Reshape, Slice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arrays import IntArray, Shape
    from hwsim.channels.find import Channels
    from hwsim.graph import Graph, Node
    from hwsim.op import Op
    from hwsim.tensor import TensorType, Weight


Kept: TypeAlias = "tuple[IntArray, ...]"
"""Which positions of a tensor stay, in order, per axis."""


def without(graph: Graph, channels: Channels, removed: frozenset[int]) -> Graph:
    """Return `graph` without the channels `removed`.

    Args:
        graph: What to shrink.
        channels: Of `graph`.
        removed: Channel numbers; some position of every tensor stays.

    Raises:
        RecipeError: A weight's storage format does not hold what is left.
    """
    stays = np.ones(channels.count, bool)
    stays[list(removed)] = False
    kept: dict[str, Kept] = {}
    for tensor, own in channels.of.items():
        shape = graph.tensors[tensor].shape
        if shape:
            kept[tensor] = (*map(np.arange, shape[:-1]), np.flatnonzero(stays[own]))
    return narrowed(graph, kept)


def narrowed(graph: Graph, kept: Mapping[str, Kept]) -> Graph:
    """Return `graph` with only some positions of each tensor left.

    Args:
        graph: What to shrink.
        kept: By tensor; those that are not named stay whole. What every op makes of its operands'
            positions must be what is kept of its result.

    Raises:
        RecipeError: A weight's storage format does not hold what is left.
    """

    def left(tensor: str) -> Kept:
        return kept.get(tensor) or tuple(map(np.arange, graph.tensors[tensor].shape))

    tensors: dict[str, TensorType] = {name: graph.tensors[name] for name in graph.inputs}
    nodes: list[Node] = []
    for node in graph.nodes:
        narrow = _RULES.get(type(node.op))
        op = node.op
        if narrow is not None:
            before = [graph.tensors[tensor].shape for tensor in node.inputs]
            op = narrow(op, list(map(left, node.inputs)), left(node.outputs[0]), before)
        if op is not node.op:
            _check_formats(f"{graph.name}/{node.name}", op)
        nodes.append(replace(node, op=op))
        shapes = op.infer(*(tensors[tensor].shape for tensor in node.inputs))
        for tensor, shape in zip(node.outputs, shapes, strict=True):
            tensors[tensor] = replace(graph.tensors[tensor], shape=shape)
    return validate(replace(graph, nodes=tuple(nodes), tensors=tensors))


def _check_formats(where: str, op: Op) -> None:
    for weight in op.constants:
        try:
            _ = weight.packed if weight.format.name != "dense" else None
        except FormatError as error:
            raise RecipeError(
                f"{where}: removing channels breaks the pattern of its weights ({error}); "
                "prune filters first"
            ) from error


_Rule: TypeAlias = "Callable[[Any, list[Kept], Kept, list[Shape]], Op]"
"""The op once only these positions of operands and result are left; and the operands' shapes."""


def _conv2d(op: Any, inputs: list[Kept], output: Kept, before: list[Shape]) -> Op:
    source, made = inputs[0][-1], output[-1]
    weight = _taken(op.weight, made)
    groups = op.groups
    if isinstance(op, Conv2d) and op.is_depthwise:
        groups = len(source)
    else:
        per_group = before[0][-1] // groups
        weight = _taken(weight, source[source < per_group], axis=3)
    return replace(op, weight=weight, bias=_bias(op.bias, made), groups=groups)


def _linear(op: Linear, inputs: list[Kept], output: Kept, before: list[Shape]) -> Op:
    del before
    weight = _taken(_taken(op.weight, output[-1]), inputs[0][-1], axis=1)
    return replace(op, weight=weight, bias=_bias(op.bias, output[-1]))


def _taken(weight: Weight, positions: IntArray, axis: int = 0) -> Weight:
    whole = len(positions) == weight.shape[axis]
    return weight if whole else weight.take(positions, axis=axis)


def _bias(bias: Weight | None, output: IntArray) -> Weight | None:
    return None if bias is None else _taken(bias, output)


def _prelu(op: PRelu, inputs: list[Kept], output: Kept, before: list[Shape]) -> Op:
    del inputs, before
    return op if op.alpha.shape == (1,) else replace(op, alpha=_taken(op.alpha, output[-1]))


def _batch_norm(op: BatchNorm, inputs: list[Kept], output: Kept, before: list[Shape]) -> Op:
    del inputs, before
    return replace(
        op,
        gamma=_taken(op.gamma, output[-1]),
        beta=_taken(op.beta, output[-1]),
        mean=_taken(op.mean, output[-1]),
        variance=_taken(op.variance, output[-1]),
    )


def _constant(op: Constant, inputs: list[Kept], output: Kept, before: list[Shape]) -> Op:
    del inputs, before
    value = op.value
    for axis, positions in enumerate(output):
        value = _taken(value, positions, axis)
    return replace(op, value=value)


def _reshape(op: Reshape, inputs: list[Kept], output: Kept, before: list[Shape]) -> Op:
    del inputs, before
    return replace(op, shape=tuple(map(len, output)))


def _slice(op: Slice, inputs: list[Kept], output: Kept, before: list[Shape]) -> Op:
    """Only where the step is 1 can positions be missing."""
    bounds = zip(op.start, inputs[0], output, before[0], strict=True)
    start, stop = list(op.start), list(op.stop)
    for axis, (low, source, made, extent) in enumerate(bounds):
        if len(source) < extent:
            start[axis] = int((source < low).sum())
            stop[axis] = start[axis] + len(made)
    return replace(op, start=tuple(start), stop=tuple(stop))


_RULES: Mapping[type, _Rule] = {
    BatchNorm: _batch_norm,
    Constant: _constant,
    Conv2d: _conv2d,
    Conv2dTranspose: _conv2d,
    Linear: _linear,
    PRelu: _prelu,
    Reshape: _reshape,
    Slice: _slice,
}
