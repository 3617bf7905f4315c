"""What it means for two graphs to be the same, bit by bit."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from hwsim.graph import Graph
from hwsim.op import Op
from hwsim.tensor import Weight


def difference(a: Graph, b: Graph) -> str:
    """Return the first thing in which the graphs differ; empty where there is none."""
    for name in ("name", "inputs", "outputs"):
        if getattr(a, name) != getattr(b, name):
            return f"{name}: {getattr(a, name)} and {getattr(b, name)}"
    if dict(a.tensors) != dict(b.tensors) or list(a.tensors) != list(b.tensors):
        return "tensors"
    if len(a.nodes) != len(b.nodes):
        return f"{len(a.nodes)} and {len(b.nodes)} nodes"
    for left, right in zip(a.nodes, b.nodes, strict=True):
        if (left.name, left.inputs, left.outputs) != (right.name, right.inputs, right.outputs):
            return f"{left.name}: its name or tensors"
        field = _op_difference(left.op, right.op)
        if field:
            return f"{left.name}: {field}"
    return ""


def _op_difference(a: Op, b: Op) -> str:
    if type(a) is not type(b):
        return f"{a.kind} and {b.kind}"
    declared: Any = a
    for field in fields(declared):
        left, right = getattr(a, field.name), getattr(b, field.name)
        same = _same_weight(left, right) if isinstance(left, Weight) else left == right
        if not same or type(left) is not type(right):
            return field.name
    return ""


def _same_weight(a: Weight, b: object) -> bool:
    return (
        isinstance(b, Weight)
        and (a.quant, a.format, a.is_decoded) == (b.quant, b.format, b.is_decoded)
        and (a.codes.dtype, a.codes.shape) == (b.codes.dtype, b.codes.shape)
        and np.ascontiguousarray(a.codes).tobytes() == np.ascontiguousarray(b.codes).tobytes()
    )
