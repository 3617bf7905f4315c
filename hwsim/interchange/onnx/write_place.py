"""One node of a graph, about to be written as ONNX: its operands and the words for its result."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.errors import InterchangeError
from hwsim.interchange._axis_orders import identity
from hwsim.interchange.onnx.write_draft import Wire, unsigned
from hwsim.interchange.onnx.write_integers import INTEGER_OPERATORS, MOVES, integer_operands
from hwsim.ops._activation import BOUNDS, clamped_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.arrays import Array, Shape
    from hwsim.graph import Node
    from hwsim.interchange._axis_orders import Order
    from hwsim.interchange.onnx.write_draft import Draft
    from hwsim.numerics import Quant
    from hwsim.ops._activation import Fused
    from hwsim.tensor import TensorType


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One node of the graph, about to be written."""

    draft: Draft
    node: Node

    @property
    def inputs(self) -> tuple[TensorType, ...]:
        """Types of the operands."""
        return self.draft.graph.input_types(self.node)

    @property
    def output(self) -> TensorType:
        """Type of the (first) result."""
        return self.draft.graph.output_types(self.node)[0]

    @property
    def quant(self) -> Quant | None:
        """Encoding of the result inside the model."""
        return None if self.output.quant is None else unsigned(self.output.quant)

    @property
    def stem(self) -> str:
        """The result's name in the graph."""
        return self.node.outputs[0]

    @property
    def is_integer(self) -> bool:
        """Whether operands and result are codes."""
        return all(type_.quant is not None for type_ in (*self.inputs, self.output))

    def refusal(self, problem: str, remedy: str) -> InterchangeError:
        """Return the error that says what ONNX cannot hold, and what would do."""
        where = f"{self.draft.graph.name}/{self.node.name}"
        return InterchangeError(f"{where}: cannot be written as ONNX: {problem}; {remedy}")

    def operand(self, index: int, order: Order | None = None) -> Wire:
        """Return an operand, in its own order by default."""
        return self.draft.wire(self.node.inputs[index], order)

    def liked_order(self) -> Order:
        """Return the order in which the largest operand is already there, or its own."""
        rank = len(self.output.shape)
        sized = sorted(
            (
                name
                for name in self.node.inputs
                if len(self.draft.graph.tensors[name].shape) == rank
            ),
            key=lambda name: -math.prod(self.draft.graph.tensors[name].shape),
        )
        known = [wire.order for name in sized for wire in self.draft.wires[name].values()]
        return next(iter(known), identity(rank))

    def spread(self, index: int, order: Order) -> Wire:
        """Return an operand with as many axes as `order`, new ones first, in that order."""
        wire = self.operand(index) if len(self.inputs[index].shape) < len(order) else None
        if wire is None:
            return self.operand(index, order)
        missing = len(order) - len(wire.shape)
        shape = ((1,) * missing) + wire.shape
        return self.draft.laid(self.reshaped(wire, shape), order)

    def integers(self, what: str, values: Sequence[int]) -> str:
        """Return the name of a constant of whole numbers, such as axes."""
        return self.draft.constant(f"{self.stem}.{what}", np.asarray(values, np.int64))

    def number(self, what: str, value: float) -> str:
        """Return the name of a constant real."""
        return self.draft.constant(f"{self.stem}.{what}", np.asarray(value, np.float32))

    def reals(self, what: str, values: Array) -> Wire:
        """Return a constant of reals."""
        values = np.asarray(values, np.float32)
        name = self.draft.constant(f"{self.stem}.{what}", values)
        return Wire(name=name, shape=values.shape, order=identity(values.ndim), values=values)

    def reshaped(self, wire: Wire, shape: Shape) -> Wire:
        """Return `wire`, in its own order, as another shape."""
        if wire.shape == shape:
            return wire
        if wire.values is not None:
            values = wire.values.reshape(shape)
            name = self.draft.constant(f"{wire.name}.reshaped", values)
            return replace(wire, name=name, shape=shape, order=identity(len(shape)), values=values)
        sizes = self.integers("shape", shape)
        name = self.draft.emit("Reshape", [wire.name, sizes], f"{wire.name}.reshaped")
        return replace(wire, name=name, shape=shape, order=identity(len(shape)))

    def apply(
        self,
        op: str,
        operands: Sequence[Wire],
        shape: Shape,
        *,
        extra: Sequence[str] = (),
        order: Order | None = None,
        activation: Fused = "none",
        quant: Quant | None = None,
        **attributes: Any,
    ) -> Wire:
        """Write one operator, and return its result.

        Args:
            op: Of ONNX, as it is called between reals.
            operands: All reals, or all codes.
            shape: Of the result, as it lies.
            extra: Names of further operands, such as axes.
            order: Of the result; its own by default.
            activation: Clamp of the result.
            quant: Of the result, if it is not the node's.
            **attributes: Of the operator.
        """
        made = self.quant if quant is None else quant
        if not any(wire.quant is not None for wire in operands) and made is None:
            name = self._real(op, operands, extra, activation, attributes)
        elif self._is_qlinear(op, operands, made) and made is not None:
            name = self._qlinear(op, operands, extra, made, attributes)
        else:
            name = self._between(op, operands, extra, activation, made, attributes)
        wire = Wire(name=name, shape=shape, order=order or identity(len(shape)), quant=made)
        return wire if made is None else self.clamped(wire, activation)

    def done(self, wire: Wire) -> None:
        """Say that `wire` is the node's result."""
        self.draft.add(self.stem, wire)

    def clamped(self, wire: Wire, activation: Fused) -> Wire:
        """Return codes clamped to the bounds of `activation`, if any code lies beyond."""
        assert wire.quant is not None
        target = clamped_target(activation, wire.quant, "ort")
        if (target.low, target.high) == (wire.quant.low, wire.quant.high):
            return wire
        bounds = [
            self.draft.constant(f"{self.stem}.{what}", np.asarray(code, wire.quant.dtype))
            for what, code in (("lowest", target.low), ("highest", target.high))
        ]
        return replace(wire, name=self.draft.emit("Clip", [wire.name, *bounds], self.stem))

    def _real(
        self,
        op: str,
        operands: Sequence[Wire],
        extra: Sequence[str],
        activation: Fused,
        attributes: dict[str, Any],
    ) -> str:
        inputs = [*(self.draft.real(wire) for wire in operands), *extra]
        stem = self.stem if activation == "none" else f"{self.stem}.{activation}"
        name = self.draft.emit(op, inputs, stem, name=self.node.name, attributes=attributes)
        return self.bounded(name, activation, self.stem)

    def bounded(self, real: str, activation: Fused, stem: str) -> str:
        """Return the name of reals clamped to the bounds of `activation`."""
        if activation == "none":
            return real
        if activation == "relu":
            return self.draft.emit("Relu", [real], stem)
        low, high = (self.number(f"bound{i}", b) for i, b in enumerate(BOUNDS[activation]))
        return self.draft.emit("Clip", [real, low, high], stem)

    def _between(
        self,
        op: str,
        operands: Sequence[Wire],
        extra: Sequence[str],
        activation: Fused,
        quant: Quant | None,
        attributes: dict[str, Any],
    ) -> str:
        """Write `op` on decoded operands, and encode its result."""
        inputs = [*(self.draft.real(wire) for wire in operands), *extra]
        stem = self.stem if quant is None and activation == "none" else f"{self.stem}.real"
        real = self.draft.emit(op, inputs, stem, name=self.node.name, attributes=attributes)
        if quant is None:
            return self.bounded(real, activation, self.stem)
        # Where no code is below zero a rectifier changes nothing, and runtimes drop it.
        if activation == "relu" and quant.zero_point[0] == quant.low:
            real = self.draft.emit("Relu", [real], f"{self.stem}.relu")
        return self.draft.encoded(real, quant, self.stem)

    def _is_qlinear(self, op: str, operands: Sequence[Wire], quant: Quant | None) -> bool:
        if self.draft.style != "qoperator" or quant is None or quant.bits > 8:
            return False
        first = operands[0].quant
        if first is None or first.dtype != quant.dtype:
            return False
        return first == quant if op in MOVES else op in INTEGER_OPERATORS

    def _qlinear(
        self,
        op: str,
        operands: Sequence[Wire],
        extra: Sequence[str],
        quant: Quant,
        attributes: dict[str, Any],
    ) -> str:
        """Write the operator of integers that does what `op` does between reals."""
        made = self.draft.scale(quant, self.stem)
        given = [
            (w.name, *self.draft.scale(w.quant, w.name)) for w in operands if w.quant is not None
        ]
        name, domain, inputs = op, "", [operands[0].name, *extra]
        if op not in MOVES:
            name, domain = INTEGER_OPERATORS[op]
            inputs = integer_operands(op, given, made)
        if op == "Softmax":
            attributes = attributes | {"opset": 13}
        return self.draft.emit(
            name, inputs, self.stem, name=self.node.name, domain=domain, attributes=attributes
        )
