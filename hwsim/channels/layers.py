"""Layers: what multiplies its input by weights of its own, channel by channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from hwsim.ops import Conv2d, Conv2dTranspose, Linear

if TYPE_CHECKING:
    from hwsim.graph import Graph, Node

Layer: TypeAlias = Conv2d | Conv2dTranspose | Linear
"""What has filters [out, ...], and a bias per output channel."""


def layers_of(graph: Graph) -> dict[str, Layer]:
    """Return the convolutions and linear layers of `graph`, by name of the node, in order."""
    return {node.name: node.op for node in graph.nodes if isinstance(node.op, Layer)}


def group_count(op: Layer) -> int:
    """Return into how many groups of channels, each with filters of its own, `op` is divided."""
    return 1 if isinstance(op, Linear) else op.groups


def makes_channels(node: Node) -> bool:
    """Return whether `node` makes channels of its own, rather than pass on those it gets."""
    if isinstance(node.op, Conv2d):
        return not node.op.is_depthwise
    return isinstance(node.op, (Conv2dTranspose, Linear))
