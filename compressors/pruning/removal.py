"""Take channels out of a graph: weights, shapes and everything that names a position."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from hwsim.errors import FormatError, RecipeError
from hwsim.graph import validate
from hwsim.ops import BatchNorm, Constant, Conv2d, Conv2dTranspose, Linear, PRelu, Reshape, Slice

if TYPE_CHECKING:
    from compressors.pruning.channels import Channels
    from hwsim.arrays import IntArray
    from hwsim.graph import Graph, Node
    from hwsim.op import Op
    from hwsim.tensor import TensorType, Weight


def without(graph: Graph, channels: Channels, removed: frozenset[int]) -> Graph:
    """Return `graph` without the channels `removed`.

    Args:
        graph: What to shrink.
        channels: Of `graph`.
        removed: Channel numbers; some position of every tensor stays.

    Raises:
        RecipeError: A weight's storage format does not hold what is left.
    """
    gone = np.array(sorted(removed), np.int64)
    kept = {tensor: np.flatnonzero(~np.isin(own, gone)) for tensor, own in channels.of.items()}
    tensors: dict[str, TensorType] = {name: graph.tensors[name] for name in graph.inputs}
    nodes: list[Node] = []
    for node in graph.nodes:
        narrow = _RULES.get(type(node.op))
        op = node.op
        if narrow is not None:
            before = [len(channels.of[tensor]) for tensor in node.inputs]
            inputs = [kept[tensor] for tensor in node.inputs]
            op = narrow(op, inputs, kept[node.outputs[0]], before)
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


_Rule: TypeAlias = Callable[[Any, "list[IntArray]", "IntArray", "list[int]"], "Op"]
"""The op once only these positions of operands and result are left; and the operands' extents."""


def _conv2d(op: Any, inputs: list[IntArray], output: IntArray, before: list[int]) -> Op:
    weight = op.weight.take(output, axis=0)
    groups = op.groups
    if isinstance(op, Conv2d) and op.is_depthwise:
        groups = len(inputs[0])
    else:
        per_group = before[0] // groups
        weight = weight.take(inputs[0][inputs[0] < per_group], axis=3)
    return replace(op, weight=weight, bias=_taken(op.bias, output), groups=groups)


def _linear(op: Linear, inputs: list[IntArray], output: IntArray, before: list[int]) -> Op:
    del before
    weight = op.weight.take(output, axis=0).take(inputs[0], axis=1)
    return replace(op, weight=weight, bias=_taken(op.bias, output))


def _taken(bias: Weight | None, output: IntArray) -> Weight | None:
    return None if bias is None else bias.take(output, axis=0)


def _prelu(op: PRelu, inputs: list[IntArray], output: IntArray, before: list[int]) -> Op:
    del inputs, before
    return op if op.alpha.shape == (1,) else replace(op, alpha=op.alpha.take(output, axis=0))


def _batch_norm(op: BatchNorm, inputs: list[IntArray], output: IntArray, before: list[int]) -> Op:
    del inputs, before
    return replace(
        op,
        gamma=op.gamma.take(output, axis=0),
        beta=op.beta.take(output, axis=0),
        mean=op.mean.take(output, axis=0),
        variance=op.variance.take(output, axis=0),
    )


def _constant(op: Constant, inputs: list[IntArray], output: IntArray, before: list[int]) -> Op:
    del inputs, before
    return replace(op, value=op.value.take(output, axis=len(op.value.shape) - 1))


def _reshape(op: Reshape, inputs: list[IntArray], output: IntArray, before: list[int]) -> Op:
    del inputs, before
    return replace(op, shape=(*op.shape[:-1], len(output)) if op.shape else ())


def _slice(op: Slice, inputs: list[IntArray], output: IntArray, before: list[int]) -> Op:
    del before
    if op.step[-1] != 1:
        return op
    start = int((inputs[0] < op.start[-1]).sum())
    return replace(
        op,
        start=(*op.start[:-1], start),
        stop=(*op.stop[:-1], start + len(output)),
    )


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
