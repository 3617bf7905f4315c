"""Run calibration inputs through a graph, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.reference import as_reals, stacked, trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hwsim.arrays import Array, FloatArray
    from hwsim.channels.layers import Layer
    from hwsim.data import Data
    from hwsim.graph import Graph, Node
    from hwsim.op import Op

# Samples are run in parts whose largest tensor, in float64, stays below this; gathered image
# patches take several times as much.
_PART_BYTES = 1 << 24


def see(graph: Graph, data: Data, visit: Callable[[str, FloatArray], None]) -> None:
    """Call `visit` with every tensor's name and real values, once per part of the samples.

    Raises:
        DataError: `data` does not fit.
    """
    for part in _parts(graph, data.x):
        trace(graph, part, visit)


def rebuild(graph: Graph, data: Data, change: Callable[[Node, Iterable[FloatArray]], Op]) -> None:
    """Let `change` make new ops one after the other, given what those before them make.

    Args:
        graph: With one input.
        data: For the input.
        change: Given a node and the parts of its first operand [samples, ...].

    Raises:
        DataError: `data` does not fit.
    """
    name = graph.inputs[0]
    values = {
        name: [as_reals(stacked(graph, x), graph.tensors[name]) for x in _parts(graph, data.x)]
    }
    readers = {tensor: len(nodes) for tensor, nodes in graph.consumers.items()}
    for node in graph.nodes:
        op = change(node, values[node.inputs[0]]) if node.inputs else node.op
        results = [
            op.reference(*(values[tensor][i] for tensor in node.inputs))
            for i in range(len(values[name]))
        ]
        for at, tensor in enumerate(node.outputs):
            # A constant comes as one sample.
            values[tensor] = [
                np.broadcast_to(result[at], (len(x), *result[at].shape[1:]))
                for result, x in zip(results, values[name], strict=True)
            ]
        for tensor in dict.fromkeys(node.inputs):
            readers[tensor] -= 1
            if readers[tensor] == 0 and tensor != name:
                del values[tensor]


def patches(op: Layer, x: FloatArray) -> FloatArray:
    """Return what each output of `op` sees of x [samples, ...]: [groups, positions, depth]."""
    seen = op.patches(x, 0)
    return seen.reshape(-1, *seen.shape[-2:]).transpose(1, 0, 2)


def _parts(graph: Graph, x: Array) -> list[Array]:
    largest = max(type_.elements for type_ in graph.tensors.values())
    size = max(1, _PART_BYTES // (8 * largest))
    return [x[first : first + size] for first in range(0, len(x), size)]
