"""Which elements each op kind keeps in the same head."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from hwsim.channels.disjoint_sets import roots_of
from hwsim.ops import (
    Add,
    BatchNorm,
    Binary,
    Concat,
    Constant,
    Conv2d,
    Dequantize,
    Elementary,
    LayerNorm,
    LeakyRelu,
    Linear,
    MatMul,
    Maximum,
    Minimum,
    Mul,
    PRelu,
    Quantize,
    Reshape,
    RmsNorm,
    Slice,
    Softmax,
    Sub,
    Tile,
    Transpose,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arrays import IntArray, Shape
    from hwsim.graph import Graph, Node

NOBODY = -1
"""The label of an element that is in no head."""


class Labels:
    """The head of every element, as far as it is known; arrays that broadcast to the shape."""

    def __init__(self, graph: Graph) -> None:
        """Start with no element in a head."""
        self.graph = graph
        self.of: dict[str, IntArray] = {}
        self.pairs: list[IntArray] = []
        self.changed: list[str] = []

    def shape(self, tensor: str) -> Shape:
        """Return the whole shape."""
        return self.graph.tensors[tensor].shape

    def get(self, tensor: str) -> IntArray:
        """Return what is known, with extent 1 along the axes where it is all the same."""
        unknown = np.full((1,) * len(self.shape(tensor)), NOBODY)
        return self.of.get(tensor, unknown)

    def full(self, tensor: str) -> IntArray:
        """Return what is known, of every element."""
        return np.broadcast_to(self.get(tensor), self.shape(tensor))

    def put(self, tensor: str, heads: IntArray) -> None:
        """Let elements be in `heads` as well: heads that meet in one element are one unit."""
        known = self.get(tensor)
        both = (known != NOBODY) & (heads != NOBODY) & (known != heads)
        if both.any():
            meeting = np.stack([np.broadcast_to(a, both.shape)[both] for a in (known, heads)])
            self.pairs.append(np.unique(meeting, axis=1))
        merged = tight(np.where(known == NOBODY, heads, known))
        if merged.shape != known.shape or (merged != known).any():
            self.of[tensor] = merged
            self.changed.append(tensor)

    def unite(self, extent: int) -> int:
        """Number heads anew, those that meet as one; return how many of `extent` are left."""
        pairs = np.concatenate([np.zeros((2, 0), np.int64), *self.pairs], axis=1)
        _, units = np.unique(roots_of(extent, *pairs), return_inverse=True)
        # The last entry is that of NOBODY, which is -1.
        unit = np.append(units, NOBODY)
        self.of = {tensor: tight(unit[own]) for tensor, own in self.of.items()}
        return int(units.max()) + 1


def tight(values: IntArray) -> IntArray:
    """Return `values` with extent 1 along every axis where they are all the same."""
    for axis in range(values.ndim):
        first = values.take([0], axis=axis)
        if (values == first).all():
            values = first
    return values


Rule: TypeAlias = "Callable[[Labels, Node], None]"
"""Carries labels from operands to the result, and back."""


def _same(labels: Labels, node: Node) -> None:
    x, y = node.inputs[0], node.outputs[0]
    labels.put(y, labels.get(x))
    labels.put(x, labels.get(y))


def _elementwise(labels: Labels, node: Node) -> None:
    """What is broadcast along an axis belongs to no head of that axis."""
    y = node.outputs[0]
    rank = len(labels.shape(y))
    for x in node.inputs:
        own = labels.get(x)
        labels.put(y, own.reshape((1,) * (rank - own.ndim) + own.shape))
        shape = (1,) * (rank - own.ndim) + labels.shape(x)
        made = labels.get(y)
        if all(many == 1 or extent > 1 for many, extent in zip(made.shape, shape, strict=True)):
            labels.put(x, made.reshape(made.shape[rank - own.ndim :]))


def _reshape(labels: Labels, node: Node) -> None:
    x, y = node.inputs[0], node.outputs[0]
    labels.put(y, labels.full(x).reshape(labels.shape(y)))
    labels.put(x, labels.full(y).reshape(labels.shape(x)))


def _transpose(labels: Labels, node: Node) -> None:
    x, y, op = node.inputs[0], node.outputs[0], node.op
    assert isinstance(op, Transpose)
    labels.put(y, labels.get(x).transpose(op.axes))
    labels.put(x, labels.get(y).transpose(np.argsort(op.axes)))


def _slice(labels: Labels, node: Node) -> None:
    x, y, op = node.inputs[0], node.outputs[0], node.op
    assert isinstance(op, Slice)
    at = tuple(slice(*bounds) for bounds in zip(op.start, op.stop, op.step, strict=True))
    labels.put(y, labels.full(x)[at])
    _put_part(labels, x, at, labels.full(y))


def _put_part(labels: Labels, tensor: str, at: tuple[slice, ...], heads: IntArray) -> None:
    whole = np.full(labels.shape(tensor), NOBODY)
    whole[at] = heads
    labels.put(tensor, whole)


def _concat(labels: Labels, node: Node) -> None:
    y, op = node.outputs[0], node.op
    assert isinstance(op, Concat)
    axis, start = op.axis % len(labels.shape(y)), 0
    for x in node.inputs:
        stop = start + labels.shape(x)[axis]
        at = (*(slice(None),) * axis, slice(start, stop))
        _put_part(labels, y, at, labels.full(x))
        labels.put(x, labels.full(y)[at])
        start = stop


def _tile(labels: Labels, node: Node) -> None:
    """Heads that read copies of the same keys and values go together (grouped queries)."""
    x, y, op = node.inputs[0], node.outputs[0], node.op
    assert isinstance(op, Tile)
    labels.put(y, np.tile(labels.full(x), op.repeats))
    for copy in product(*map(range, op.repeats)):
        bounds = [slice(i * n, (i + 1) * n) for i, n in zip(copy, labels.shape(x), strict=True)]
        labels.put(x, labels.full(y)[tuple(bounds)])


def _matmul(labels: Labels, node: Node) -> None:
    """Every product is of one head: the leading axes are those of both operands."""
    tensors = (*node.inputs, *node.outputs)
    for x in tensors:
        for y in tensors:
            if x != y and labels.get(x).shape[-2:] == (1, 1):
                labels.put(y, labels.get(x))


def _stop(labels: Labels, node: Node) -> None:
    """A layer makes heads of its rows, and joins them by its columns."""
    del labels, node


RULES: Mapping[type, Rule] = {
    Add: _elementwise,
    BatchNorm: _same,
    Binary: _elementwise,
    Concat: _concat,
    Constant: _stop,
    Conv2d: _stop,
    Dequantize: _same,
    Elementary: _same,
    LayerNorm: _same,
    LeakyRelu: _same,
    Linear: _stop,
    MatMul: _matmul,
    Maximum: _elementwise,
    Minimum: _elementwise,
    Mul: _elementwise,
    PRelu: _same,
    Quantize: _same,
    Reshape: _reshape,
    RmsNorm: _same,
    Slice: _slice,
    Softmax: _same,
    Sub: _elementwise,
    Tile: _tile,
    Transpose: _transpose,
}
"""Ops through which heads can be followed."""


def is_separable(labels: Labels, node: Node) -> bool:
    """Return whether `node` stays what it is, head by head, once some heads are gone."""
    varying = [_varying(labels, tensor) for tensor in (*node.inputs, *node.outputs)]
    if any(len(axes) > 1 for axes in varying) or type(node.op) not in RULES:
        return False
    op: Any = node.op
    from_end = {
        axis - len(labels.shape(tensor))
        for tensor, axes in zip((*node.inputs, *node.outputs), varying, strict=True)
        for axis in axes
    }
    if isinstance(op, (Linear, Conv2d)):
        return from_end <= {-1} and getattr(op, "groups", 1) == 1
    if isinstance(op, (LayerNorm, RmsNorm, Softmax)):
        return -1 not in from_end
    if isinstance(op, MatMul):
        return from_end.isdisjoint({-1, -2})
    if isinstance(op, Slice):
        return all(op.step[axis] == 1 for axis in varying[0])
    if isinstance(op, Tile):
        return all(op.repeats[axis] == 1 for axis in varying[1])
    return True


def _varying(labels: Labels, tensor: str) -> list[int]:
    return [axis for axis, extent in enumerate(labels.get(tensor).shape) if extent > 1]
