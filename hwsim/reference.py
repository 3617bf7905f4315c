"""Run a graph in float64: the oracle of everything else, and the source of activation ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import Array, FloatArray
    from hwsim.graph import Graph
    from hwsim.tensor import TensorType


def stacked(graph: Graph, x: Array) -> Array:
    """Return `x` as [samples, *shape of the graph's first input].

    Args:
        graph: Its first input takes `x`.
        x: [samples, ...] with the input's elements per sample; the batch axis may be missing.

    Raises:
        DataError: The shape is another one.
    """
    type_ = graph.tensors[graph.inputs[0]]
    shape = type_.shape
    inner = shape[1:] if shape[:1] == (1,) else shape
    if x.ndim < 1 or x.shape[1:] not in (inner, shape):
        raise DataError(
            f"{graph.name}: input {graph.inputs[0]!r} expects x of shape "
            f"[samples, {', '.join(map(str, inner))}], got {list(x.shape)}"
        )
    if x.shape[0] == 0:
        raise DataError(f"{graph.name}: input {graph.inputs[0]!r} expects samples, got none")
    return x.reshape(x.shape[0], *shape)


def as_reals(x: Array, type_: TensorType) -> FloatArray:
    """Return what the user's `x` means: codes of an integer input are decoded."""
    if type_.quant is not None and x.dtype.kind in "iu":
        return type_.quant.decode(x)
    return x.astype(np.float64)


def trace(
    graph: Graph, x: Array, visit: Callable[[str, FloatArray], None] | None = None
) -> dict[str, FloatArray]:
    """Run `graph` in float64 and return its outputs by name.

    Args:
        graph: Integer graphs are run on their real values, without rounding.
        x: As in `stacked`.
        visit: Called with each tensor's name and values as soon as they are known; tensors that
            nobody reads any more are dropped.

    Raises:
        DataError: `x` does not fit the graph.
    """
    first = graph.inputs[0]
    values = {first: as_reals(stacked(graph, x), graph.tensors[first])}
    readers = {tensor: len(nodes) for tensor, nodes in graph.consumers.items()}
    kept: dict[str, FloatArray] = {}

    def made(tensor: str, value: FloatArray) -> None:
        values[tensor] = value
        if tensor in graph.outputs:
            kept[tensor] = value
        if visit is not None:
            visit(tensor, value)

    made(first, values[first])
    for node in graph.nodes:
        results = node.op.reference(*(values[tensor] for tensor in node.inputs))
        for tensor, value in zip(node.outputs, results, strict=True):
            # A constant comes as one sample; everything after it sees as many as `x` has.
            made(tensor, np.broadcast_to(value, (len(x), *value.shape[1:])))
        for tensor in dict.fromkeys(node.inputs):
            readers[tensor] -= 1
            if readers[tensor] == 0:
                del values[tensor]
    return kept
