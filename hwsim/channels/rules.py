"""Which positions each op kind keeps aligned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from hwsim.channels.disjoint_sets import roots_of
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
    from hwsim.op import Op


class Book:
    """Numbers given so far, which of them are joined, and which must stay."""

    def __init__(self) -> None:
        """Start without numbers."""
        self.count = 0
        self._fixed: list[IntArray] = []
        self._left: list[IntArray] = []
        self._right: list[IntArray] = []

    def extend(self, count: int) -> IntArray:
        """Return `count` new numbers."""
        self.count += count
        return np.arange(self.count - count, self.count)

    def fix(self, numbers: IntArray) -> IntArray:
        """Let `numbers` stay, and return them."""
        self._fixed.append(numbers)
        return numbers

    def join(self, a: IntArray, b: IntArray) -> IntArray:
        """Join position i of `a` with that of `b`; return `a`."""
        if a.shape != b.shape:
            raise ValueError(f"cannot join {len(a)} positions with {len(b)}")
        self._left.append(a)
        self._right.append(b)
        return a

    def join_rows(self, numbers: IntArray) -> IntArray:
        """Join position j of every row of [rows, n]; return the first row."""
        for row in numbers[1:]:
            self.join(numbers[0], row)
        return numbers[0]

    def roots(self) -> IntArray:
        """Return, for every number, the one that stands for those it is joined to."""
        none = np.zeros(0, np.int64)
        left, right = np.concatenate([none, *self._left]), np.concatenate([none, *self._right])
        return roots_of(self.count, left, right)

    def fixed(self) -> IntArray:
        """Return the numbers that must stay."""
        return np.concatenate([np.zeros(0, np.int64), *self._fixed])


Rule: TypeAlias = Callable[[Book, Any, "list[IntArray]", "list[Shape]"], "IntArray | None"]
"""Numbers of the result, given the op, its operands' numbers, and all shapes; None: fix all."""


def _same(book: Book, op: Op, inputs: list[IntArray], shapes: list[Shape]) -> IntArray:
    del book, op, shapes
    return inputs[0]


def _new(book: Book, op: Op, inputs: list[IntArray], shapes: list[Shape]) -> IntArray:
    del op, inputs
    return book.extend(shapes[-1][-1])


def _conv2d(book: Book, op: Conv2d, inputs: list[IntArray], shapes: list[Shape]) -> IntArray | None:
    """Groups stay equal in size: position j of one is removed from all. Depthwise: pass on."""
    out = shapes[-1][-1]
    if op.is_depthwise:
        return np.repeat(inputs[0], out // op.groups)
    book.join_rows(inputs[0].reshape(op.groups, -1))
    made = book.extend(out)
    book.join_rows(made.reshape(op.groups, -1))
    return made


def _transposed(
    book: Book, op: Conv2dTranspose, inputs: list[IntArray], shapes: list[Shape]
) -> IntArray | None:
    """As in a convolution; channels of one input each stand or fall together."""
    book.join_rows(inputs[0].reshape(op.groups, -1))
    made = book.extend(shapes[-1][-1])
    book.join_rows(made.reshape(op.groups, -1))
    return made


def _elementwise(
    book: Book, op: Op, inputs: list[IntArray], shapes: list[Shape]
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


def _concat(book: Book, op: Concat, inputs: list[IntArray], shapes: list[Shape]) -> IntArray | None:
    if op.axis % len(shapes[0]) == len(shapes[0]) - 1:
        return np.concatenate(inputs)
    for own in inputs[1:]:
        book.join(inputs[0], own)
    return inputs[0]


def _pad(book: Book, op: Pad, inputs: list[IntArray], shapes: list[Shape]) -> IntArray | None:
    del book, shapes
    return None if any(op.padding[-1]) else inputs[0]


def _reduced(
    book: Book, op: Mean | Sum | ReduceMax | ReduceMin, inputs: list[IntArray], shapes: list[Shape]
) -> IntArray | None:
    del book
    return None if len(shapes[0]) - 1 in op.axes else inputs[0]


def _tile(book: Book, op: Tile, inputs: list[IntArray], shapes: list[Shape]) -> IntArray | None:
    del book, shapes
    return np.tile(inputs[0], op.repeats[-1]) if op.repeats else None


def _gather(book: Book, op: Gather, inputs: list[IntArray], shapes: list[Shape]) -> IntArray | None:
    del book
    # Indices could not name what is left once channels between them are gone.
    return inputs[0] if op.axis < len(shapes[0]) - 1 else None


def _transpose(
    book: Book, op: Transpose, inputs: list[IntArray], shapes: list[Shape]
) -> IntArray | None:
    del book
    return inputs[0] if op.axes[-1] == len(shapes[0]) - 1 else None


def _slice(book: Book, op: Slice, inputs: list[IntArray], shapes: list[Shape]) -> IntArray | None:
    del book, shapes
    # Bounds with a step could not name what is left once channels between them are gone.
    return inputs[0][op.start[-1] : op.stop[-1]] if op.step[-1] == 1 else None


def _reshape(
    book: Book, op: Reshape, inputs: list[IntArray], shapes: list[Shape]
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


RULES: Mapping[type, Rule] = {
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
