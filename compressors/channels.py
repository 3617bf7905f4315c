"""Which channels of a graph stand or fall together.

Every position on the last axis of every tensor has a number; ops that force two positions to stay
aligned join their numbers. One set of joined numbers is a channel: it can only be removed
everywhere at once (Fang et al., "DepGraph: Towards Any Structural Pruning", arXiv 2301.12900).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from compressors._disjoint_sets import DisjointSets
from hwsim.ops import (
    Add,
    AveragePool2d,
    BatchNorm,
    Binary,
    Concat,
    Constant,
    Conv2d,
    Conv2dTranspose,
    Dequantize,
    Elementary,
    Gather,
    LeakyRelu,
    Linear,
    Maximum,
    MaxPool2d,
    Mean,
    Minimum,
    Mul,
    Pad,
    PRelu,
    Quantize,
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
    from hwsim.arrays import IntArray, Shape
    from hwsim.graph import Graph
    from hwsim.op import Op


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Channels:
    """The channels of a graph.

    Attributes:
        of: Channel number of every position on the last axis, per tensor.
        fixed: Channels that must stay: the graph's inputs and outputs, and what passes through
            ops that mix or move channels (softmax, layer norm, matmul, ...).
    """

    of: Mapping[str, IntArray]
    fixed: frozenset[int]


def find_channels(graph: Graph) -> Channels:
    """Return which positions of which tensors belong together."""
    book = _Book()
    numbers = {tensor: book.extend(_extent(graph, tensor)) for tensor in graph.inputs}
    for tensor in graph.inputs:
        book.fix(numbers[tensor])
    for node in graph.nodes:
        inputs = [numbers[tensor] for tensor in node.inputs]
        shapes = [graph.tensors[tensor].shape for tensor in (*node.inputs, *node.outputs)]
        rule = _RULES.get(type(node.op))
        result = rule(book, node.op, inputs, shapes) if rule is not None else None
        if result is None:
            for fixed in inputs:
                book.fix(fixed)
            for tensor in node.outputs:
                numbers[tensor] = book.fix(book.extend(_extent(graph, tensor)))
        else:
            numbers[node.outputs[0]] = result
    for tensor in graph.outputs:
        book.fix(numbers[tensor])
    roots = book.sets.roots()
    return Channels(
        of={tensor: roots[own] for tensor, own in numbers.items()},
        fixed=frozenset(roots[np.array(book.fixed, np.int64)].tolist()),
    )


def _extent(graph: Graph, tensor: str) -> int:
    shape = graph.tensors[tensor].shape
    return shape[-1] if shape else 1


class _Book:
    """Numbers given so far, which of them are joined, and which must stay."""

    def __init__(self) -> None:
        self.sets = DisjointSets()
        self.fixed: list[int] = []

    def extend(self, count: int) -> IntArray:
        return self.sets.extend(count)

    def fix(self, numbers: IntArray) -> IntArray:
        self.fixed += numbers.tolist()
        return numbers

    def join(self, a: IntArray, b: IntArray) -> IntArray:
        for left, right in zip(a.tolist(), b.tolist(), strict=True):
            self.sets.join(left, right)
        return a

    def join_rows(self, numbers: IntArray) -> IntArray:
        """Join position j of every row of [rows, n]; return the first row."""
        for row in numbers[1:]:
            self.join(numbers[0], row)
        return numbers[0]


_Rule: TypeAlias = Callable[[_Book, Any, "list[IntArray]", "list[Shape]"], "IntArray | None"]
"""Numbers of the result, given the op, its operands' numbers, and all shapes; None: fix all."""


def _same(book: _Book, op: Op, inputs: list[IntArray], shapes: list[Shape]) -> IntArray:
    del book, op, shapes
    return inputs[0]


def _new(book: _Book, op: Op, inputs: list[IntArray], shapes: list[Shape]) -> IntArray:
    del op, inputs
    return book.extend(shapes[-1][-1])


def _conv2d(
    book: _Book, op: Conv2d, inputs: list[IntArray], shapes: list[Shape]
) -> IntArray | None:
    """Groups stay equal in size: position j of one is removed from all. Depthwise: pass on."""
    out = shapes[-1][-1]
    if op.is_depthwise:
        return np.repeat(inputs[0], out // op.groups)
    book.join_rows(inputs[0].reshape(op.groups, -1))
    made = book.extend(out)
    book.join_rows(made.reshape(op.groups, -1))
    return made


def _transposed(
    book: _Book, op: Conv2dTranspose, inputs: list[IntArray], shapes: list[Shape]
) -> IntArray | None:
    """As in a convolution; channels of one input each stand or fall together."""
    book.join_rows(inputs[0].reshape(op.groups, -1))
    made = book.extend(shapes[-1][-1])
    book.join_rows(made.reshape(op.groups, -1))
    return made


def _elementwise(
    book: _Book, op: Op, inputs: list[IntArray], shapes: list[Shape]
) -> IntArray | None:
    del op
    extent = shapes[-1][-1] if shapes[-1] else 1
    full = [own for own in inputs if len(own) == extent]
    for own in inputs:
        if len(own) != extent:  # One channel for all: it has no partner to fall with.
            book.fix(own)
    for own in full[1:]:
        book.join(full[0], own)
    return full[0]


def _concat(
    book: _Book, op: Concat, inputs: list[IntArray], shapes: list[Shape]
) -> IntArray | None:
    if op.axis % len(shapes[0]) == len(shapes[0]) - 1:
        return np.concatenate(inputs)
    for own in inputs[1:]:
        book.join(inputs[0], own)
    return inputs[0]


def _pad(book: _Book, op: Pad, inputs: list[IntArray], shapes: list[Shape]) -> IntArray | None:
    del book, shapes
    return None if any(op.padding[-1]) else inputs[0]


def _reduced(
    book: _Book, op: Mean | Sum | ReduceMax | ReduceMin, inputs: list[IntArray], shapes: list[Shape]
) -> IntArray | None:
    del book
    return None if len(shapes[0]) - 1 in op.axes else inputs[0]


def _tile(book: _Book, op: Tile, inputs: list[IntArray], shapes: list[Shape]) -> IntArray | None:
    del book, shapes
    return np.tile(inputs[0], op.repeats[-1]) if op.repeats else None


def _gather(
    book: _Book, op: Gather, inputs: list[IntArray], shapes: list[Shape]
) -> IntArray | None:
    del book
    # Indices could not name what is left once channels between them are gone.
    return inputs[0] if op.axis < len(shapes[0]) - 1 else None


def _transpose(
    book: _Book, op: Transpose, inputs: list[IntArray], shapes: list[Shape]
) -> IntArray | None:
    del book
    return inputs[0] if op.axes[-1] == len(shapes[0]) - 1 else None


def _slice(book: _Book, op: Slice, inputs: list[IntArray], shapes: list[Shape]) -> IntArray | None:
    del book, shapes
    # Bounds with a step could not name what is left once channels between them are gone.
    return inputs[0][op.start[-1] : op.stop[-1]] if op.step[-1] == 1 else None


def _reshape(
    book: _Book, op: Reshape, inputs: list[IntArray], shapes: list[Shape]
) -> IntArray | None:
    """Row-major order: position p of the longer last axis is position p mod n of the shorter."""
    del op
    (own,) = inputs
    extent = shapes[-1][-1] if shapes[-1] else 1
    if extent % len(own) == 0:
        return np.tile(own, extent // len(own))
    if extent == 1 or len(own) % extent:
        return None
    return book.join_rows(own.reshape(-1, extent))


_RULES: Mapping[type, _Rule] = {
    Add: _elementwise,
    AveragePool2d: _same,
    BatchNorm: _same,
    Binary: _elementwise,
    Concat: _concat,
    Constant: _new,
    Conv2d: _conv2d,
    Conv2dTranspose: _transposed,
    Dequantize: _same,
    Elementary: _same,
    Gather: _gather,
    LeakyRelu: _same,
    Linear: _new,
    MaxPool2d: _same,
    Maximum: _elementwise,
    Mean: _reduced,
    Minimum: _elementwise,
    Mul: _elementwise,
    PRelu: _same,
    Pad: _pad,
    Quantize: _same,
    ReduceMax: _reduced,
    ReduceMin: _reduced,
    Reshape: _reshape,
    ResizeBilinear: _same,
    ResizeNearest: _same,
    Slice: _slice,
    Sub: _elementwise,
    Sum: _reduced,
    Tile: _tile,
    Transpose: _transpose,
}
