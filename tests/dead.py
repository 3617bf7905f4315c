"""Graphs whose channels are dead: filters, columns, gains and biases of zeros."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hwsim.channels.find import Channels
from hwsim.graph import Graph
from hwsim.ops import BatchNorm, Constant, Conv2d, Conv2dTranspose, Linear
from hwsim.tensor import Weight


def extents(graph: Graph) -> dict[str, int]:
    """Return the last extent of every tensor."""
    return {name: type_.shape[-1] for name, type_ in graph.tensors.items()}


def zeroed(weight: Weight, at: Any) -> Weight:
    """Return `weight` with zeros at what indexes its codes, filters first."""
    keep = np.ones(weight.shape, bool)
    keep[at] = False
    return weight.masked(keep)


def with_zeros(graph: Graph, seed: int) -> Graph:
    """Return `graph` with filters, columns, gains and biases set to zero here and there."""
    rng = np.random.default_rng(seed)
    ops: dict[str, Any] = {}
    for node in graph.nodes:
        op = node.op
        if isinstance(op, (Conv2d, Conv2dTranspose, Linear)):
            weight = zeroed(op.weight, rng.random(op.weight.shape[0]) < 0.4)
            weight = zeroed(weight, (..., rng.random(weight.shape[-1]) < 0.3))
            bias = None if op.bias is None else zeroed(op.bias, rng.random(op.bias.shape) < 0.4)
            ops[node.name] = replace(op, weight=weight, bias=bias)
        elif isinstance(op, BatchNorm):
            at = rng.random(op.gamma.shape) < 0.3
            ops[node.name] = replace(op, gamma=zeroed(op.gamma, at))
    return graph.with_ops(ops)


def silenced(graph: Graph, channels: Channels, dead: list[int]) -> Graph:
    """Return `graph` with everything that feeds the channels `dead` set to zero."""
    ops: dict[str, Any] = {}
    for node in graph.nodes:
        at = np.isin(channels.of[node.outputs[0]], dead)
        op = node.op
        if isinstance(op, (Conv2d, Conv2dTranspose, Linear)):
            bias = None if op.bias is None else zeroed(op.bias, at)
            ops[node.name] = replace(op, weight=zeroed(op.weight, at), bias=bias)
        elif isinstance(op, BatchNorm):
            ops[node.name] = replace(op, mean=zeroed(op.mean, at), beta=zeroed(op.beta, at))
        elif isinstance(op, Constant):
            mask = np.broadcast_to(~at, op.value.shape)
            ops[node.name] = replace(op, value=op.value.masked(mask))
    return graph.with_ops(ops)
