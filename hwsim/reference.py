"""Run a graph in float64: the oracle of everything else, and the source of activation ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arrays import Array, FloatArray
    from hwsim.graph import Graph
    from hwsim.tensor import TensorType


def stacked(graph: Graph, x: Array, name: str | None = None) -> Array:
    """Return `x` as [samples, *shape of one of the graph's inputs].

    Args:
        graph: Its input `name` takes `x`.
        x: [samples, ...] with the input's elements per sample; the batch axis may be missing.
        name: The graph's first input where it is left out.

    Raises:
        DataError: The shape is another one.
    """
    name = graph.inputs[0] if name is None else name
    type_ = graph.tensors[name]
    shape = type_.shape
    inner = shape[1:] if shape[:1] == (1,) else shape
    if x.ndim < 1 or x.shape[1:] not in (inner, shape):
        raise DataError(
            f"{graph.name}: input {name!r} expects x of shape "
            f"[samples, {', '.join(map(str, inner))}], got {list(x.shape)}"
        )
    if x.shape[0] == 0:
        raise DataError(f"{graph.name}: input {name!r} expects samples, got none")
    return x.reshape(x.shape[0], *shape)


def as_reals(x: Array, type_: TensorType) -> FloatArray:
    """Return what the user's `x` means: codes of an integer input are decoded."""
    if type_.quant is not None and x.dtype.kind in "iu":
        return type_.quant.decode(x)
    return x.astype(np.float64)


def trace(
    graph: Graph,
    x: Array | Mapping[str, Array],
    visit: Callable[[str, FloatArray], None] | None = None,
) -> dict[str, FloatArray]:
    """Run `graph` in float64 and return its outputs by name.

    Args:
        graph: Integer graphs are run on their real values, without rounding; but signs are taken,
            where tensors are bipolar: they are no approximation of what they are taken of.
        x: As in `stacked`; by name where the graph has several inputs.
        visit: Called with each tensor's name and values as soon as they are known; tensors that
            nobody reads any more are dropped.

    Raises:
        DataError: `x` does not fit the graph.
    """
    given = _by_name(graph, x)
    samples = len(given[graph.inputs[0]])
    values: dict[str, FloatArray] = {}
    readers = {tensor: len(nodes) for tensor, nodes in graph.consumers.items()}
    kept: dict[str, FloatArray] = {}

    def made(tensor: str, value: FloatArray) -> None:
        quant = graph.tensors[tensor].quant
        if quant is not None and quant.is_bipolar:
            value = quant.decode(quant.encode(value))
        values[tensor] = value
        if tensor in graph.outputs:
            kept[tensor] = value
        if visit is not None:
            visit(tensor, value)

    for name, array in given.items():
        made(name, as_reals(array, graph.tensors[name]))
    for node in graph.nodes:
        results = node.op.reference(*(values[tensor] for tensor in node.inputs))
        for tensor, value in zip(node.outputs, results, strict=True):
            # A constant comes as one sample; everything after it sees as many as `x` has.
            made(tensor, np.broadcast_to(value, (samples, *value.shape[1:])))
        for tensor in dict.fromkeys(node.inputs):
            readers[tensor] -= 1
            if readers[tensor] == 0:
                del values[tensor]
    return kept


def _by_name(graph: Graph, x: Array | Mapping[str, Array]) -> dict[str, Array]:
    """Return the stacked values of every input, as many samples of each."""
    by_name = {graph.inputs[0]: x} if isinstance(x, np.ndarray) else x
    if set(by_name) != set(graph.inputs):
        raise DataError(
            f"{graph.name}: expects values of {', '.join(graph.inputs)}; "
            f"got {', '.join(by_name) or 'none'}"
        )
    given = {name: stacked(graph, by_name[name], name) for name in graph.inputs}
    counts = {len(array) for array in given.values()}
    if len(counts) > 1:
        raise DataError(
            f"{graph.name}: inputs of {sorted(counts)} samples; expects as many of each"
        )
    return given
