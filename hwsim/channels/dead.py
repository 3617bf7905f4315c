"""Channels that change nothing: nobody reads them, or what they hold is constant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.channels.constants import added, find_constants, foldable
from hwsim.channels.find import Channels, find_channels
from hwsim.channels.layers import Layer, makes_channels
from hwsim.channels.removal import without
from hwsim.channels.zeros import unread_inputs
from hwsim.errors import FormatError
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import Array, FloatArray
    from hwsim.graph import Graph, Node
    from hwsim.op import Op


def without_dead(graph: Graph) -> Graph:
    """Return `graph` without channels that change nothing, until there are none."""
    while True:
        channels = find_channels(graph)
        values = find_constants(graph)
        removed = _dead(graph, channels, values)
        if not removed:
            return graph
        graph = without(_folded(graph, channels, values, removed), channels, removed)


def losses(before: Graph, after: Graph) -> dict[str, str]:
    """Return by node what it lost in words, such as `3 of 8 inputs, 12 of 32 outputs`.

    Args:
        before: With dead channels.
        after: Without; of the same nodes. Those that lost nothing are left out.
    """
    found: dict[str, str] = {}
    for node in after.nodes:
        parts: list[str] = []
        for tensors, side in ((node.inputs, "inputs"), (node.outputs, "outputs")):
            old, new = (sum(_extent(g, tensor) for tensor in tensors) for g in (before, after))
            parts += [f"{old - new} of {old} {side}"] if new < old else []
        if parts:
            found[node.name] = ", ".join(parts)
    return found


def _extent(graph: Graph, tensor: str) -> int:
    return (graph.tensors[tensor].shape or (1,))[-1]


def _dead(graph: Graph, channels: Channels, values: Mapping[str, FloatArray]) -> frozenset[int]:
    """Return the channels that every layer reading them can do without; each tensor keeps one."""
    dead = np.zeros(channels.count, bool)
    for own in channels.of.values():
        dead[own] = True
    dead[list(channels.fixed)] = False
    for node, op in _layers(graph):
        (tensor,) = node.inputs
        unread = unread_inputs(op)
        is_integer = op.weight.quant is not None and not op.weight.is_decoded
        if is_integer and graph.tensors[tensor].quant is None:
            # Its inputs share a scale that what nobody reads has a part in.
            unread[:] = False
        can_fold = op.bias is None or op.bias.quant is None
        usable = foldable(op, values[tensor]) if can_fold else values[tensor] == 0
        dead[channels.of[tensor][~(usable | unread)]] = False
    for own in channels.of.values():
        if dead[own].all():
            dead[own[0]] = False
    _keep_formats(graph, channels, dead)
    return frozenset(np.flatnonzero(dead).tolist())


def _layers(graph: Graph) -> list[tuple[Node, Layer]]:
    """Return the layers that end channels and make others."""
    return [
        (node, node.op)
        for node in graph.nodes
        if isinstance(node.op, Layer) and makes_channels(node)
    ]


def _keep_formats(graph: Graph, channels: Channels, dead: Array) -> None:
    """Let all channels of a layer live whose storage format would not hold what is left."""
    changed = True
    while changed:
        changed = False
        for node, op in _layers(graph):
            rows, inputs = channels.of[node.outputs[0]], channels.of[node.inputs[0]]
            columns = inputs[: op.weight.shape[-1]]
            is_plain = op.weight.format.name == "dense" and (
                op.weight.quant is None or op.weight.quant.group is None
            )
            if is_plain or not (dead[rows].any() or dead[columns].any()):
                continue
            try:
                left = op.weight.take(np.flatnonzero(~dead[rows]), axis=0)
                left = left.take(np.flatnonzero(~dead[columns]), axis=len(left.shape) - 1)
                _ = left.packed if left.codes.size else None
            except FormatError:
                dead[rows] = dead[inputs] = False
                changed = True


def _folded(
    graph: Graph, channels: Channels, values: Mapping[str, FloatArray], removed: frozenset[int]
) -> Graph:
    """Return `graph` with what constant channels add to layers added to their biases."""
    ops: dict[str, Op] = {}
    gone = np.zeros(channels.count, bool)
    gone[list(removed)] = True
    for node, op in _layers(graph):
        (tensor,) = node.inputs
        own = np.where(gone[channels.of[tensor]], values[tensor], np.nan)
        more = added(op, own)
        if more.any():
            bias = more if op.bias is None else op.bias.real() + more
            ops[node.name] = replace(op, bias=Weight(codes=bias.astype(np.float32)))
    return graph.with_ops(ops)
