"""Build a graph from ops that count axes as torch does, whatever order the tensors lie in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from hwsim.errors import GraphError, InterchangeError
from hwsim.graph import Graph, Node, validate
from hwsim.ops import Constant, Reshape, Transpose
from hwsim.tensor import TensorType, Weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.arrays import Array, IntArray, Shape
    from hwsim.op import Op

Order: TypeAlias = tuple[int, ...]
"""Axis i of a tensor in the graph is torch's axis order[i]."""

NHWC: Order = (0, 2, 3, 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Value:
    """A tensor of the graph, seen with torch's axes.

    Attributes:
        tensor: Its name in the graph.
        shape: Torch's.
        order: How the axes lie in the graph.
        columns: Set where a flattened image goes into linear layers only: element j of the last
            axis in the graph is torch's element columns[j].
    """

    tensor: str
    shape: Shape
    order: Order
    columns: IntArray | None = None

    @property
    def stored(self) -> Shape:
        """Shape in the graph."""
        return tuple(self.shape[axis] for axis in self.order)


def identity(rank: int) -> Order:
    """Return torch's own order."""
    return tuple(range(rank))


def channels_last(rank: int) -> Order:
    """Return the order of an image, a signal or a row of features whose axis 1 is channels."""
    return (0, *range(2, rank), 1)


def as_weight(array: Array) -> Weight:
    """Return `array` as a float32 constant."""
    return Weight(codes=np.ascontiguousarray(array, dtype=np.float32))


class Builder:
    """Nodes and tensors of one graph, collected in torch's order of execution."""

    def __init__(self, name: str) -> None:
        """Start an empty graph called `name`."""
        self.name = name
        self._inputs: list[str] = []
        self._nodes: dict[str, Node] = {}
        self._tensors: dict[str, TensorType] = {}
        self._moved: dict[tuple[str, Op], str] = {}

    def input(self, name: str, shape: Shape) -> Value:
        """Return a new graph input, which lies as the user gives it."""
        tensor = self._unique(name)
        self._inputs.append(tensor)
        self._tensors[tensor] = TensorType(shape=shape)
        return Value(tensor=tensor, shape=shape, order=identity(len(shape)))

    def emit(self, name: str, op: Op, operands: Sequence[Value], order: Order) -> Value:
        """Add a node.

        Args:
            name: Wanted; made unique.
            op: Has one result.
            operands: Already in the orders that `op` takes.
            order: Of the result.

        Raises:
            InterchangeError: `op` does not take these shapes.
        """
        try:
            (stored,) = op.infer(*(operand.stored for operand in operands))
        except GraphError as error:
            raise InterchangeError(f"{self.name}/{name}: {error}") from error
        tensor = self._unique(name)
        self._tensors[tensor] = TensorType(shape=stored)
        inputs = tuple(operand.tensor for operand in operands)
        self._nodes[tensor] = Node(name=tensor, op=op, inputs=inputs, outputs=(tensor,))
        shape = tuple(stored[order.index(axis)] for axis in range(len(order)))
        return Value(tensor=tensor, shape=shape, order=order)

    def constant(self, name: str, array: Array, order: Order) -> Value:
        """Return `array`, of as many axes as `order`, as a tensor that lies in `order`."""
        value = as_weight(array.transpose(order))
        return self.emit(f"{name}.constant", Constant(value=value), (), order)

    def laid(self, value: Value, order: Order) -> Value:
        """Return `value` in `order`: by a transpose, or a reshape where no element moves."""
        if value.order == order:
            return value
        name = f"{value.tensor}.{'nhwc' if order == NHWC else 'transpose'}"
        if _long_axes(value.shape, value.order) == _long_axes(value.shape, order):
            return self._viewed(value, value.shape, order, name)
        op = Transpose(axes=tuple(value.order.index(axis) for axis in order))
        return self._move(name, op, value, value.shape, order)

    def reshape(self, name: str, value: Value, shape: Shape) -> Value:
        """Return `value` in another of torch's shapes; transposed only if elements must move."""
        if shape == value.shape:
            return value
        order = reshaped_order(value.shape, value.order, shape)
        if order is None:
            value = self.laid(value, identity(len(value.shape)))
            order = identity(len(shape))
        return self._viewed(value, shape, order, name)

    def flatten_as_stored(self, name: str, value: Value, shape: Shape) -> Value:
        """Return `value` as `shape`, which has one long axis, without moving elements.

        The result says by `columns` which element lies where.
        """
        numbers = np.arange(math.prod(value.shape)).reshape(value.shape)
        flat = self._viewed(value, shape, identity(len(shape)), name)
        columns = numbers.transpose(value.order).ravel()
        return Value(tensor=flat.tensor, shape=shape, order=flat.order, columns=columns)

    def graph(self, outputs: Sequence[Value]) -> Graph:
        """Return the validated graph that makes `outputs`, without nodes that nobody needs."""
        names = tuple(self.laid(out, identity(len(out.shape))).tensor for out in outputs)
        needed = {*names, *self._inputs}
        nodes: list[Node] = []
        for node in reversed(self._nodes.values()):
            if node.name in needed:
                nodes.append(node)
                needed.update(node.inputs)
        return validate(
            Graph(
                name=self.name,
                inputs=tuple(self._inputs),
                outputs=names,
                tensors={name: type_ for name, type_ in self._tensors.items() if name in needed},
                nodes=tuple(reversed(nodes)),
            )
        )

    def _viewed(self, value: Value, shape: Shape, order: Order, name: str) -> Value:
        """Return the same stored elements under another shape and order."""
        source = value.tensor
        producer = self._nodes.get(source)
        if producer is not None and isinstance(producer.op, Reshape):
            source = producer.inputs[0]
        stored = tuple(shape[axis] for axis in order)
        if self._tensors[source].shape == stored:
            return Value(tensor=source, shape=shape, order=order)
        type_ = self._tensors[source]
        whole = Value(tensor=source, shape=type_.shape, order=identity(len(type_.shape)))
        return self._move(name, Reshape(shape=stored), whole, shape, order)

    def _move(self, name: str, op: Op, value: Value, shape: Shape, order: Order) -> Value:
        """Return the result of a transpose or reshape of `value`, made once for all readers."""
        key = (value.tensor, op)
        if key not in self._moved:
            self._moved[key] = self.emit(name, op, (value,), order).tensor
        return Value(tensor=self._moved[key], shape=shape, order=order)

    def _unique(self, name: str) -> str:
        number, unique = 1, name
        while unique in self._tensors:
            unique = f"{name}_{number}"
            number += 1
        return unique


def reshaped_order(old: Shape, order: Order, new: Shape) -> Order | None:
    """Return an order in which the elements of `old`, as they lie, have the shape `new`.

    Args:
        old: Torch's shape before.
        order: How its axes lie.
        new: Torch's shape after, of as many elements.

    Returns:
        None if there is none: elements must move.
    """
    stored = _long_axes(old, order)
    result: list[int] = []
    for before, after in sorted(_groups(old, new), key=lambda group: stored.index(group[0][0])):
        start = stored.index(before[0])
        if stored[start : start + len(before)] != before:
            return None
        result += after
    for axis, extent in enumerate(new):
        if extent == 1:
            later = [other for other in result if other > axis]
            place = result.index(min(later)) if later else len(result)
            result.insert(place if axis else 0, axis)
    return tuple(result)


def _long_axes(shape: Shape, order: Order) -> list[int]:
    """Return the axes that have more than one element, as they lie."""
    return [axis for axis in order if shape[axis] > 1]


def _groups(old: Shape, new: Shape) -> list[tuple[list[int], list[int]]]:
    """Return the shortest runs of long axes of `old` and `new` that hold the same elements."""
    left, right = _long_axes(old, identity(len(old))), _long_axes(new, identity(len(new)))
    groups: list[tuple[list[int], list[int]]] = []
    while left:
        before, after = [left.pop(0)], [right.pop(0)]
        while (a := math.prod(old[i] for i in before)) != (b := math.prod(new[i] for i in after)):
            if a < b:
                before.append(left.pop(0))
            else:
                after.append(right.pop(0))
        groups.append((before, after))
    return groups
