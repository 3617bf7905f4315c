"""Layers that stay float between integer ones: reals are decoded before them, encoded behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hwsim.graph import Node
from hwsim.ops import Dequantize, Quantize

if TYPE_CHECKING:
    from collections.abc import Collection

    from hwsim.graph import Graph
    from hwsim.tensor import TensorType

_REAL = "real"


def real_tensors(graph: Graph, floats: Collection[str]) -> frozenset[str]:
    """Return the tensors that only the nodes `floats` make and read: they need no encoding.

    An input that only they read stays real, and so does an output that they make and nobody reads.
    """

    def is_real(tensor: str) -> bool:
        maker, readers = graph.producers.get(tensor), graph.consumers[tensor]
        is_made = maker is None or maker.name in floats
        return (
            is_made
            and (maker is not None or bool(readers))
            and all(reader.name in floats for reader in readers)
        )

    return frozenset(tensor for tensor in graph.tensors if is_real(tensor))


def with_conversions(graph: Graph, floats: Collection[str]) -> Graph:
    """Return `graph`, whose tensors are encoded, with ops that convert around the nodes `floats`.

    Args:
        graph: Its nodes `floats` compute in reals; tensors of `real_tensors` have no encoding.
        floats: Names of nodes.
    """
    tensors = dict(graph.tensors)
    nodes: list[Node] = []
    decoded: dict[str, str] = {}
    for node in graph.nodes:
        if node.name not in floats:
            nodes.append(node)
            continue
        inputs: list[str] = []
        for tensor in node.inputs:
            if tensors[tensor].quant is not None and tensor not in decoded:
                decoded[tensor] = _real_twin(tensors, tensor)
                nodes.append(_node(decoded[tensor], Dequantize(), tensor, decoded[tensor]))
            inputs.append(decoded.get(tensor, tensor))
        made = {t: _real_twin(tensors, t) for t in node.outputs if tensors[t].quant is not None}
        outputs = tuple(made.get(tensor, tensor) for tensor in node.outputs)
        nodes.append(replace(node, inputs=tuple(inputs), outputs=outputs))
        nodes += [_node(f"{t}/codes", Quantize(), real, t) for t, real in made.items()]
        decoded |= made
    return replace(graph, nodes=tuple(nodes), tensors=tensors)


def _real_twin(tensors: dict[str, TensorType], tensor: str) -> str:
    """Return the name of a new tensor of reals of the shape of `tensor`."""
    name = f"{tensor}/{_REAL}"
    tensors[name] = replace(tensors[tensor], quant=None)
    return name


def _node(name: str, op: Dequantize | Quantize, source: str, result: str) -> Node:
    return Node(name=name, op=op, inputs=(source,), outputs=(result,))
