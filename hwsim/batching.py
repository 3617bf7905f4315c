"""Batching: the same graph for several samples per inference."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hwsim.errors import GraphError, UnsupportedError
from hwsim.graph import validate
from hwsim.ops import Lstm, Reshape, Slice

if TYPE_CHECKING:
    from hwsim.arrays import Shape
    from hwsim.graph import Graph, Node
    from hwsim.op import Op
    from hwsim.tensor import TensorType


def with_batch(graph: Graph, batch: int) -> Graph:
    """Return `graph` with `batch` samples along the first axis of every input and output.

    Each sample's results are those of `graph`, bit by bit: an op that would mix samples, or lay
    them along another axis, is refused.

    Args:
        graph: Its inputs' first axes have extent 1.
        batch: Samples per inference, >= 1.

    Raises:
        UnsupportedError: An input has no such axis, or an op does not keep samples apart.
    """
    if batch == 1:
        return graph
    tensors = dict(graph.tensors)
    for name in graph.inputs:
        shape = tensors[name].shape
        if len(shape) < _LEAST_RANK or shape[0] != 1:
            raise UnsupportedError(
                f"{graph.name}: batch {batch} expected inputs of shape [1, ...], got {name!r} of "
                f"{list(shape)}; use batch 1"
            )
        tensors[name] = _widened(tensors[name], batch)
    batched = set(graph.inputs)
    nodes: list[Node] = []
    for node in graph.nodes:
        if batched.isdisjoint(node.inputs):
            nodes.append(node)
            continue
        nodes.append(_apart(graph, node, batched, batch))
        for name in node.outputs:
            tensors[name] = _widened(tensors[name], batch)
            batched.add(name)
    return validate(replace(graph, tensors=tensors, nodes=tuple(nodes)))


# An op over the last axis of a vector would go along the samples.
_LEAST_RANK = 2


def _widened(type_: TensorType, batch: int) -> TensorType:
    return replace(type_, shape=(batch, *type_.shape[1:]))


def _apart(graph: Graph, node: Node, batched: set[str], batch: int) -> Node:
    """Return a node for several samples, which it keeps apart."""
    shapes = [graph.tensors[name].shape for name in (*node.inputs, *node.outputs)]
    own = [graph.tensors[name].shape for name in node.inputs if name in batched]
    results = [graph.tensors[name].shape for name in node.outputs]
    given = tuple(
        (batch, *graph.tensors[name].shape[1:]) if name in batched else graph.tensors[name].shape
        for name in node.inputs
    )
    # Operands of several ranks are aligned at their last axes, and samples would not be.
    is_aligned = len({len(shape) for shape in own}) == 1
    op = None if _is_dynamic(graph, node) else _op(node.op, batch)
    if op is not None and is_aligned and min(map(len, own + results)) >= _LEAST_RANK:
        wanted = tuple((batch, *shape[1:]) for shape in results)
        if all(shape[0] == 1 for shape in results) and _inferred(op, given) == wanted:
            return replace(node, op=op)
    raise UnsupportedError(
        f"{graph.name}/{node.name}: {node.op.kind} of {[list(shape) for shape in shapes]} does not "
        f"keep {batch} samples apart along the first axis; use batch 1"
    )


def _op(op: Op, batch: int) -> Op | None:
    """Return the op whose settings hold for `batch` samples; None where there is none."""
    match op:
        case Reshape(shape=(1, *rest)):
            return replace(op, shape=(batch, *rest))
        case Slice(start=(0, *_), stop=(1, *rest), step=(1, *_)):
            return replace(op, stop=(batch, *rest))
        case Reshape() | Slice() | Lstm(time_major=True):
            return None
        case _:
            return op


def _is_dynamic(graph: Graph, node: Node) -> bool:
    """Return whether a runtime may give all samples of a real operand one scale."""
    weight = node.op.weight
    if weight is None or weight.quant is None or weight.is_decoded:
        return False
    return graph.tensors[node.inputs[0]].quant is None


def _inferred(op: Op, shapes: tuple[Shape, ...]) -> tuple[Shape, ...] | None:
    try:
        return op.infer(*shapes)
    except GraphError:
        return None
