"""Residual blocks: found where an identity goes past them, and removed as if never built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import hwsim
from compressors import parse
from compressors.pruning.layers import find_residual_blocks, without_blocks
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.graph import Graph
from hwsim.ops import Add, Constant, Conv2d, Elementary, Linear, MaxPool2d, Quantize
from hwsim.reference import trace
from tests.graphs import GraphBuilder, attention, mlp, residual, run_integers, samples


def silenced(graph: Graph, name: str) -> Graph:
    """Return `graph` whose block `name` adds nothing: what its last layer makes is 0."""
    (block,) = (b for b in find_residual_blocks(graph) if b.name == name)
    ops: dict[str, Any] = {}
    last = max(
        (n for n in graph.nodes if n.name in block.nodes and n.op.constants),
        key=graph.nodes.index,
    )
    for weight, field in zip(last.op.constants, ("weight", "bias"), strict=False):
        names = ("gamma", "beta") if last.op.kind == "batch_norm" else ("weight", "bias")
        keep = np.zeros(weight.shape, bool)
        ops[names[("weight", "bias").index(field)]] = weight.masked(keep)
    from dataclasses import replace

    op: Any = last.op
    return graph.with_ops({last.name: replace(op, **ops)})


def test_placeholder() -> None:
    pass
