"""What has been written of an ONNX model: nodes, constants, and where each tensor can be found.

ONNX puts channels first and hwsim puts them last, so a tensor is kept in every order in which it
was asked for. Codes of 8 bits are unsigned inside the model: with signed ones ONNX Runtime computes
convolutions and products in reals on x86.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from onnx import helper, numpy_helper

from hwsim.interchange._axis_orders import identity
from hwsim.interchange._storage_notes import StorageNotes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx import NodeProto, SparseTensorProto, TensorProto

    from hwsim.arrays import Array, Shape
    from hwsim.graph import Graph
    from hwsim.interchange._axis_orders import Order
    from hwsim.numerics import Quant

Style: TypeAlias = Literal["qdq", "qoperator"]
"""Real operators between DequantizeLinear and QuantizeLinear, or operators of integers."""

MICROSOFT = "com.microsoft"
"""The domain of ONNX Runtime's own operators."""

CHANNELS_FIRST: Order = (0, 3, 1, 2)
"""Order of an image in ONNX: axis i is this axis of ours."""

_UNSIGNED_BY = 128


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wire:
    """A tensor of the ONNX model.

    Attributes:
        name: There.
        shape: As it lies.
        order: Axis i is axis order[i] of the graph's tensor.
        quant: What its codes mean; None where it holds reals.
        values: Of a constant.
    """

    name: str
    shape: Shape
    order: Order
    quant: Quant | None = None
    values: Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What has been written so far.

    Attributes:
        graph: The model.
        style: How integers are written.
        is_sparse: Whether weights that lie sparse are stored so.
        nodes: In order.
        constants: By name.
        sparse: Those of them that are stored sparse.
        stored_sparse: Names of the layers whose weights these are.
        wires: Of each tensor of the graph, by order.
        names: Of tensors, that are taken.
        called: Names of operators, that are taken.
        numbers: Names of small constants, by what they are.
        decoded: Names of the reals of codes, by the names of the codes.
        notes: What is held otherwise than it lies in memory.
    """

    graph: Graph
    style: Style
    is_sparse: bool = False
    nodes: list[NodeProto] = field(default_factory=list["NodeProto"])
    constants: dict[str, TensorProto] = field(default_factory=dict[str, "TensorProto"])
    sparse: dict[str, SparseTensorProto] = field(default_factory=dict[str, "SparseTensorProto"])
    stored_sparse: set[str] = field(default_factory=set[str])
    wires: dict[str, dict[Order, Wire]] = field(default_factory=dict[str, "dict[Order, Wire]"])
    names: set[str] = field(default_factory=set[str])
    called: set[str] = field(default_factory=set[str])
    numbers: dict[tuple[str, Shape, bytes], str] = field(
        default_factory=dict["tuple[str, Shape, bytes]", str]
    )
    decoded: dict[str, str] = field(default_factory=dict[str, str])
    notes: StorageNotes = field(default_factory=lambda: StorageNotes(suffix=".onnx"))

    def free(self, stem: str) -> str:
        """Return a name that nothing has yet, and take it."""
        return _taken(stem, self.names)

    def constant(self, stem: str, values: Array, bits: int | None = None) -> str:
        """Add a constant, and return its name; equal small ones are one.

        Args:
            stem: Of its name.
            values: In the type in which they are written.
            bits: 4 for codes that two share a byte.
        """
        key = (f"{values.dtype.str}{bits or ''}", values.shape, values.tobytes())
        if values.size == 1 and key in self.numbers:
            return self.numbers[key]
        name = self.free(stem)
        if bits is None:
            self.constants[name] = numpy_helper.from_array(values, name)
        else:
            self.constants[name] = helper.make_tensor(
                name, _INT4, values.shape, _packed(values), raw=True
            )
        self.numbers[key] = name
        return name

    def emit(
        self,
        op: str,
        inputs: Sequence[str],
        stem: str,
        *,
        name: str = "",
        domain: str = "",
        attributes: dict[str, Any] | None = None,
        results: int = 1,
    ) -> str:
        """Add an operator, and return its (first) result; further ones end in .1, .2 and so on.

        Args:
            op: Its type.
            inputs: Names of its operands; empty for one that is left out.
            stem: Of its results' names.
            name: Of the operator itself.
            domain: Whose operator it is.
            attributes: By name.
            results: How many it has.
        """
        first = self.free(stem)
        outputs = [first, *(self.free(f"{first}.{i}") for i in range(1, results))]
        node = helper.make_node(
            op,
            list(inputs),
            outputs,
            name=_taken(name or first, self.called),
            domain=domain,
            **(attributes or {}),
        )
        self.nodes.append(node)
        return first

    def add(self, tensor: str, wire: Wire) -> None:
        """Say where the graph's `tensor` can be found."""
        self.wires.setdefault(tensor, {})[wire.order] = wire

    def wire(self, tensor: str, order: Order | None = None) -> Wire:
        """Return where the graph's `tensor` is, in its own order by default."""
        known = self.wires[tensor]
        order = order or identity(len(self.graph.tensors[tensor].shape))
        if order not in known:
            self.add(tensor, self.laid(next(iter(known.values())), order))
        return known[order]

    def laid(self, wire: Wire, order: Order) -> Wire:
        """Return `wire` in another order; constants are moved now, others when the model runs."""
        if wire.order == order:
            return wire
        axes = [wire.order.index(axis) for axis in order]
        shape = tuple(wire.shape[axis] for axis in axes)
        if wire.values is not None:
            values = np.ascontiguousarray(wire.values.transpose(axes))
            name = self.constant(f"{wire.name}.laid", values)
            return replace(wire, name=name, shape=shape, order=order, values=values)
        name = self.emit("Transpose", [wire.name], f"{wire.name}.laid", attributes={"perm": axes})
        return replace(wire, name=name, shape=shape, order=order)

    def scale(self, quant: Quant, stem: str) -> tuple[str, str]:
        """Return the names of the scale and the zero point of `quant`."""
        shape: Shape = () if quant.axis is None else (len(quant.scale),)
        scales = np.asarray(quant.scale, np.float32).reshape(shape)
        zeros = np.asarray(quant.zero_point, quant.dtype).reshape(shape)
        return (
            self.constant(f"{stem}.scale", scales),
            self.constant(f"{stem}.zero_point", zeros),
        )

    def real(self, wire: Wire) -> str:
        """Return the name of the reals that `wire` means."""
        if wire.quant is None:
            return wire.name
        if wire.name not in self.decoded:
            axis = wire.quant.axis
            self.decoded[wire.name] = self.emit(
                "DequantizeLinear",
                [wire.name, *self.scale(wire.quant, wire.name)],
                f"{wire.name}.real",
                attributes=None if axis is None else {"axis": axis},
            )
        return self.decoded[wire.name]

    def encoded(self, real: str, quant: Quant, stem: str) -> str:
        """Return the name of the codes of the reals `real`."""
        return self.emit("QuantizeLinear", [real, *self.scale(quant, stem)], stem)


def _packed(codes: Array) -> bytes:
    """Return 4-bit codes, the first of two in the low half of a byte."""
    nibbles = np.append(codes.ravel(), np.zeros(codes.size % 2, codes.dtype)).astype(np.uint8) & 15
    return (nibbles[0::2] | (nibbles[1::2] << 4)).tobytes()


def _taken(stem: str, names: set[str]) -> str:
    name, number = stem, 1
    while name in names:
        number += 1
        name = f"{stem}.{number}"
    names.add(name)
    return name


_INT4 = 22
"""TensorProto.INT4: two codes to a byte."""


def unsigned(quant: Quant) -> Quant:
    """Return the encoding inside the model: signed 8-bit codes are raised by 128."""
    if quant.bits != 8 or not quant.signed:
        return quant
    zero_point = tuple(zero + _UNSIGNED_BY for zero in quant.zero_point)
    return replace(quant, zero_point=zero_point, signed=False)


def raised(codes: Array, quant: Quant) -> Array:
    """Return codes of `quant` as codes of `unsigned(quant)`."""
    shift = 0 if unsigned(quant) == quant else _UNSIGNED_BY
    return (codes.astype(np.int32) + shift).astype(unsigned(quant).dtype)
