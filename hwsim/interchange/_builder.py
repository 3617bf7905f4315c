"""Build a graph from ops that count axes as torch and ONNX do, whatever order tensors lie in."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import GraphError, InterchangeError
from hwsim.graph import Graph, Node, validate
from hwsim.interchange._axis_orders import NHWC, identity, long_axes, reshaped_order
from hwsim.limits import CONSTANT_ELEMENTS, TENSOR_AXES, TENSOR_ELEMENTS
from hwsim.ops import Constant, Reshape, Transpose
from hwsim.tensor import TensorType, Weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.arrays import Array, IntArray, Shape
    from hwsim.interchange._axis_orders import Order
    from hwsim.numerics import Quant
    from hwsim.op import Op


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Value:
    """A tensor of the graph, seen with the axes of the model that is read.

    Attributes:
        tensor: Its name in the graph.
        shape: The model's.
        order: How the axes lie in the graph.
        quant: Its encoding in the graph; None for float32.
        columns: Set where a flattened image goes into linear layers only: element j of the last
            axis in the graph is the model's element columns[j].
    """

    tensor: str
    shape: Shape
    order: Order
    quant: Quant | None = None
    columns: IntArray | None = None

    @property
    def stored(self) -> Shape:
        """Shape in the graph."""
        return tuple(self.shape[axis] for axis in self.order)


def as_weight(array: Array) -> Weight:
    """Return `array` as a float32 constant."""
    return Weight(codes=np.ascontiguousarray(array, dtype=np.float32))


class Builder:
    """Nodes and tensors of one graph, collected in the model's order of execution."""

    def __init__(self, name: str) -> None:
        """Start an empty graph called `name`."""
        self.name = name
        self._inputs: list[str] = []
        self._nodes: dict[str, Node] = {}
        self._tensors: dict[str, TensorType] = {}
        self._moved: dict[tuple[str, Op], str] = {}
        self.orders: dict[str, Order] = {}

    def input(self, name: str, shape: Shape, quant: Quant | None = None) -> Value:
        """Return a new graph input, which lies as the user gives it."""
        if math.prod(shape) > TENSOR_ELEMENTS or len(shape) > TENSOR_AXES:
            raise InterchangeError(f"{self.name}/{name}: is {list(shape)}, which is too large")
        tensor = self._unique(name)
        self._inputs.append(tensor)
        self._tensors[tensor] = TensorType(shape=shape, quant=quant)
        self.orders[tensor] = identity(len(shape))
        return Value(tensor=tensor, shape=shape, order=identity(len(shape)), quant=quant)

    def emit(
        self,
        name: str,
        op: Op,
        operands: Sequence[Value],
        order: Order,
        quant: Quant | None = None,
    ) -> Value:
        """Add a node.

        Args:
            name: Wanted; made unique.
            op: Has one result.
            operands: Already in the orders that `op` takes.
            order: Of the result.
            quant: Of the result.

        Raises:
            InterchangeError: `op` does not take these shapes.
        """
        try:
            (stored,) = op.infer(*(operand.stored for operand in operands))
        except GraphError as error:
            raise InterchangeError(f"{self.name}/{name}: {error}") from error
        if math.prod(stored) > TENSOR_ELEMENTS or len(stored) > TENSOR_AXES:
            raise InterchangeError(f"{self.name}/{name}: makes {list(stored)}, which is too large")
        tensor = self._unique(name)
        self._tensors[tensor] = TensorType(shape=stored, quant=quant)
        self.orders[tensor] = order
        inputs = tuple(operand.tensor for operand in operands)
        self._nodes[tensor] = Node(name=tensor, op=op, inputs=inputs, outputs=(tensor,))
        shape = tuple(stored[order.index(axis)] for axis in range(len(order)))
        return Value(tensor=tensor, shape=shape, order=order, quant=quant)

    def constant(self, name: str, constant: Array | Weight, order: Order) -> Value:
        """Return `constant`, of as many axes as `order`, as a tensor that lies in `order`.

        Args:
            name: Of what reads it.
            constant: Reals, or codes with one scale.
            order: A permutation of its axes.
        """
        if isinstance(constant, Weight):
            codes = np.ascontiguousarray(constant.codes.transpose(order))
            value = replace(constant, codes=codes)
        else:
            value = as_weight(constant.transpose(order))
        op = Constant(value=value)
        return self.emit(f"{name}.constant", op, (), order, value.quant)

    def laid(self, value: Value, order: Order) -> Value:
        """Return `value` in `order`: by a transpose, or a reshape where no element moves."""
        if value.order == order:
            return value
        name = f"{value.tensor}.{'nhwc' if order == NHWC else 'transpose'}"
        if long_axes(value.shape, value.order) == long_axes(value.shape, order):
            return self._viewed(value, value.shape, order, name)
        op = Transpose(axes=tuple(value.order.index(axis) for axis in order))
        return self._move(name, op, value, value.shape, order)

    def reshape(self, name: str, value: Value, shape: Shape) -> Value:
        """Return `value` in another shape of the model; moved by a transpose only if need be."""
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
        if math.prod(value.shape) > CONSTANT_ELEMENTS:
            raise InterchangeError(
                f"{self.name}/{name}: flattens {list(value.shape)}, which is too large"
            )
        numbers = np.arange(math.prod(value.shape)).reshape(value.shape)
        flat = self._viewed(value, shape, identity(len(shape)), name)
        columns = numbers.transpose(value.order).ravel()
        return replace(flat, columns=columns)

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
            return Value(tensor=source, shape=shape, order=order, quant=value.quant)
        type_ = self._tensors[source]
        rank = len(type_.shape)
        whole = Value(tensor=source, shape=type_.shape, order=identity(rank), quant=type_.quant)
        return self._move(name, Reshape(shape=stored), whole, shape, order)

    def _move(self, name: str, op: Op, value: Value, shape: Shape, order: Order) -> Value:
        """Return the result of a transpose or reshape of `value`, made once for all readers."""
        key = (value.tensor, op)
        if key not in self._moved:
            self._moved[key] = self.emit(name, op, (value,), order, value.quant).tensor
        return Value(tensor=self._moved[key], shape=shape, order=order, quant=value.quant)

    def _unique(self, name: str) -> str:
        number, unique = 1, name
        while unique in self._tensors:
            unique = f"{name}_{number}"
            number += 1
        return unique
