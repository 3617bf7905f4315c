"""What follows a layer: its batch norm, and the tensor in which its channels become active."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.ops import (
    Add,
    BatchNorm,
    Conv2d,
    Conv2dTranspose,
    Elementary,
    LeakyRelu,
    Linear,
    Lstm,
    PRelu,
)

if TYPE_CHECKING:
    from hwsim.graph import Graph, Node
    from hwsim.op import Op

# Those that are 0 for whatever lies below 0.
_ONE_SIDED = ("relu", "relu6", "relu_0_to_1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """Where the channels of a layer become active.

    Attributes:
        tensor: Behind batch norm, residual sum and non-linearity, as far as they follow.
        is_one_sided: Whether a ReLU made it.
    """

    tensor: str
    is_one_sided: bool


def following_norm(graph: Graph, layer: str) -> BatchNorm | None:
    """Return the batch norm that alone reads what the node `layer` makes, or None."""
    node = _only_reader(graph, _node(graph, layer).outputs[0])
    return node.op if node is not None and isinstance(node.op, BatchNorm) else None


def following_activation(graph: Graph, layer: str) -> Activation:
    """Return where the channels of the node `layer` become active.

    That is behind the first non-linearity, if nothing but batch norms and sums comes before it.
    """
    node = _node(graph, layer)
    while True:
        tensor = node.outputs[0]
        function = _function(node.op)
        if function != "none":
            return Activation(tensor=tensor, is_one_sided=function in _ONE_SIDED)
        reader = _only_reader(graph, tensor)
        if reader is None or not _keeps_channels(reader.op):
            return Activation(tensor=tensor, is_one_sided=False)
        node = reader


def output_layers(graph: Graph) -> frozenset[str]:
    """Return the nodes with weights behind which no other comes before an output of `graph`."""
    found: set[str] = set()
    waiting, seen = list(graph.outputs), set(graph.inputs)
    while waiting:
        tensor = waiting.pop()
        if tensor not in seen:
            seen.add(tensor)
            node = graph.producers[tensor]
            if isinstance(node.op, (Conv2d, Conv2dTranspose, Linear, Lstm)):
                found.add(node.name)
            else:
                waiting += node.inputs
    return frozenset(found)


def _node(graph: Graph, name: str) -> Node:
    return next(node for node in graph.nodes if node.name == name)


def _only_reader(graph: Graph, tensor: str) -> Node | None:
    readers = graph.consumers[tensor]
    return readers[0] if len(readers) == 1 and tensor not in graph.outputs else None


def _keeps_channels(op: Op) -> bool:
    return isinstance(op, (Add, BatchNorm, Elementary, LeakyRelu, PRelu))


def _function(op: Op) -> str:
    """Return the non-linearity that `op` is or ends with, or `none`."""
    if isinstance(op, Elementary):
        return op.function
    if isinstance(op, (Conv2d, Conv2dTranspose, Linear, Add)):
        return op.activation
    return op.kind if isinstance(op, (LeakyRelu, PRelu)) else "none"
