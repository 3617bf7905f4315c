"""Which channels can be scaled: made by layers, read by layers, and homogeneous in between.

Every position on the last axis of every tensor has a number, as in `hwsim.channels.find`, but a
layer makes new ones even where it is depthwise: what it reads and what it makes scale apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.channels.layers import Layer
from hwsim.channels.rules import RULES, Book
from hwsim.ops import (
    Add,
    AveragePool2d,
    Concat,
    Elementary,
    Gather,
    LeakyRelu,
    MatMul,
    Maximum,
    MaxPool2d,
    Mean,
    Minimum,
    Pad,
    PRelu,
    ReduceMax,
    ReduceMin,
    Reshape,
    ResizeBilinear,
    ResizeNearest,
    Slice,
    Sub,
    Sum,
    Tile,
    Transpose,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import IntArray
    from hwsim.graph import Graph, Node

# f(s x) = s f(x) for s > 0, of each channel by itself, or of all operands together.
_HOMOGENEOUS = (
    Add,
    AveragePool2d,
    Concat,
    Gather,
    LeakyRelu,
    MaxPool2d,
    Maximum,
    Mean,
    Minimum,
    PRelu,
    Pad,
    ReduceMax,
    ReduceMin,
    Reshape,
    ResizeBilinear,
    ResizeNearest,
    Slice,
    Sub,
    Sum,
    Tile,
    Transpose,
)
_HOMOGENEOUS_FUNCTIONS = ("abs", "neg", "relu")
_HOMOGENEOUS_CLAMPS = ("none", "relu")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scalable:
    """The channels of a graph, and which of them may be scaled.

    Attributes:
        makes: Channel number of every filter of a layer, [out], by node.
        reads: Channel number of every position on the last axis of a layer's operand, by node.
        is_free: By channel number: whether some layer makes it, some layer reads it, and whatever
            lies between is positively homogeneous.
    """

    makes: Mapping[str, IntArray]
    reads: Mapping[str, IntArray]
    is_free: IntArray


def find_scalable(graph: Graph) -> Scalable:
    """Return which channels of a graph of floats can be multiplied by a positive number."""
    book = Book()
    numbers: dict[str, IntArray] = {}
    for tensor in graph.inputs:
        numbers[tensor] = book.fix(book.extend(_extent(graph, tensor)))
    for node in graph.nodes:
        inputs = [numbers[tensor] for tensor in node.inputs]
        result = _result(book, graph, node, inputs)
        if result is None:
            for own in inputs:
                book.fix(own)
            for tensor in node.outputs:
                numbers[tensor] = book.fix(book.extend(_extent(graph, tensor)))
        else:
            numbers[node.outputs[0]] = result
    for tensor in graph.outputs:
        book.fix(numbers[tensor])
    roots = book.roots()
    layers = [node for node in graph.nodes if isinstance(node.op, Layer)]
    makes = {node.name: roots[numbers[node.outputs[0]]] for node in layers}
    reads = {node.name: roots[numbers[node.inputs[0]]] for node in layers}
    is_free = np.zeros(len(roots), bool)
    read = np.concatenate(list(reads.values())) if reads else np.zeros(0, np.int64)
    for own in makes.values():
        is_free[own] = np.isin(own, read)
    is_free[roots[book.fixed()]] = False
    return Scalable(makes=makes, reads=reads, is_free=is_free)


def _result(book: Book, graph: Graph, node: Node, inputs: list[IntArray]) -> IntArray | None:
    """Return the numbers of what `node` makes; None where it is not homogeneous."""
    op: Any = node.op
    shapes = [graph.tensors[tensor].shape for tensor in (*node.inputs, *node.outputs)]
    made = book.extend(shapes[-1][-1]) if isinstance(op, Layer) else None
    is_clamped = getattr(op, "activation", "none") not in _HOMOGENEOUS_CLAMPS
    if made is not None:
        return book.fix(made) if is_clamped else made
    if is_clamped:
        return None
    if isinstance(op, MatMul):
        # (A (V S)) = (A V) S: columns of the second operand stay apart, its rows do not.
        book.fix(inputs[0])
        return None if op.transpose_b else inputs[1]
    if isinstance(op, Elementary) and op.function not in _HOMOGENEOUS_FUNCTIONS:
        return None
    if len(inputs) > 1 and len({len(own) for own in inputs}) > 1 and not isinstance(op, Concat):
        return None  # One channel for all is scaled with none of them.
    if isinstance(op, (*_HOMOGENEOUS, Elementary)):
        return RULES[type(op)](book, op, inputs, shapes)
    return None


def _extent(graph: Graph, tensor: str) -> int:
    shape = graph.tensors[tensor].shape
    return shape[-1] if shape else 1
