"""One node of an ONNX model, with its operands as they are known and its attributes by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from hwsim.errors import InterchangeError
from hwsim.interchange._builder import Builder, Value, as_weight
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.arrays import Array, Shape
    from hwsim.interchange._layouts import Operand


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """A tensor of integers whose meaning a DequantizeLinear has yet to tell.

    Attributes:
        value: The same tensor; its encoding is the one of the QuantizeLinear that made it.
    """

    value: Value


@dataclass(frozen=True, slots=True, eq=False)
class Arriving:
    """A result of DynamicQuantizeLinear, which depends on what arrives.

    Attributes:
        x: The reals.
        part: `codes`, `scale` or `zero point`.
    """

    x: Value
    part: str


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """The scale of what arrives as `x`, times a constant factor."""

    x: Value
    factor: Array


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """The int32 sums of a product that nobody has scaled yet.

    Attributes:
        call: The node that makes them.
        x: Its first operand: codes, or reals that are quantized as they arrive.
        weight: Its second operand, in steps of 1.
    """

    call: Call
    x: Value
    weight: Weight


Known: TypeAlias = "Value | Array | Weight | Codes | Arriving | Scaled | Sums"
"""What is known of a tensor: where it is in the graph, or its constant values."""

Layer: TypeAlias = Callable[["Builder", "Call"], "Known | tuple[Known, ...]"]
"""Adds one node to the graph and returns its results."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Call:
    """A node.

    Attributes:
        where: `graph/node`, for messages.
        name: Of its first result.
        op: `Conv`, or with its domain where that is not ONNX's own.
        version: Of its domain's operator set.
        operands: None where one is left out.
        attributes: By name, in Python's own types; tensors are arrays.
        results: How many it has.
        feeds_linear: Whether only linear layers read the first result, perhaps through ops that
            look at single elements.
        keeps_codes: Whether constant codes stay codes though the first operand is real: it is
            quantized as it arrives.
    """

    where: str
    name: str
    op: str
    version: int
    operands: tuple[Known | None, ...]
    attributes: Mapping[str, object]
    results: int
    feeds_linear: Callable[[], bool] = lambda: False
    keeps_codes: bool = False

    @property
    def x(self) -> Value:
        """The first operand, which depends on the input."""
        return self.value(0)

    def given(self, index: int) -> bool:
        """Whether operand `index` is there."""
        return index < len(self.operands) and self.operands[index] is not None

    def value(self, index: int) -> Value:
        """Return operand `index`, which depends on the input."""
        operand = self.operand(index)
        if not isinstance(operand, Value):
            raise self.error(f"operand {index} that depends on the input", "a constant one")
        return operand

    def operand(self, index: int) -> Operand:
        """Return operand `index`: a tensor of reals, or a constant."""
        operand = self.operands[index] if self.given(index) else None
        if operand is None:
            raise self.error(f"operand {index}", "none")
        if isinstance(operand, Codes | Arriving | Scaled | Sums):
            raise self.error(
                f"reals as operand {index}", "integers", "put a DequantizeLinear before it"
            )
        return operand

    def known(self, index: int) -> Array | Weight | None:
        """Return the constant `index`, or None where it was left out."""
        operand = self.operands[index] if self.given(index) else None
        if isinstance(operand, Value | Codes | Arriving | Scaled | Sums):
            raise self.error(f"constant operand {index}", "one that depends on the input")
        return operand

    def array(self, index: int) -> Array | None:
        """Return the values of the constant `index`, or None where it was left out."""
        known = self.known(index)
        return known.real() if isinstance(known, Weight) else known

    def needed(self, index: int) -> Array:
        """Return the values of the constant `index`."""
        array = self.array(index)
        if array is None:
            raise self.error(f"operand {index}", "none")
        return array

    def weight(self, index: int) -> Weight | None:
        """Return the constant `index` as the op's float32 parameter."""
        array = self.array(index)
        return None if array is None else as_weight(array)

    def ints(self, key: str, default: Sequence[int] = ()) -> tuple[int, ...]:
        """Return an attribute of whole numbers, `default` where it was left out."""
        return tuple(int(n) for n in cast("Sequence[int]", self.attributes.get(key, default)))

    def int_(self, key: str, default: int = 0) -> int:
        """Return an attribute that is a whole number."""
        return int(cast("int", self.attributes.get(key, default)))

    def number(self, key: str, default: float) -> float:
        """Return an attribute that is a real number."""
        return float(cast("float", self.attributes.get(key, default)))

    def text(self, key: str, default: str) -> str:
        """Return an attribute that is text."""
        return str(self.attributes.get(key, default))

    def setting(self, key: str, index: int) -> tuple[int, ...] | None:
        """Return whole numbers: an attribute in old operator sets, an operand in new ones."""
        if key in self.attributes:
            return self.ints(key)
        array = self.array(index)
        return None if array is None else tuple(int(n) for n in array.reshape(-1))

    def axis(self, given: int, rank: int) -> int:
        """Return `given` counted from the front.

        Raises:
            InterchangeError: There is no such axis.
        """
        if not -rank <= given < rank:
            raise self.error(f"an axis of {rank}", str(given))
        return given % rank

    def axes(self, given: Sequence[int], rank: int) -> tuple[int, ...]:
        """Return all `given` counted from the front."""
        return tuple(self.axis(axis, rank) for axis in given)

    def refuse_unless(self, key: str, *allowed: object) -> None:
        """Raise unless the attribute `key`, if it is there, is one of `allowed`.

        Raises:
            InterchangeError: It is another one.
        """
        given = self.attributes.get(key, allowed[0])
        if given not in allowed:
            raise self.error(f"{key}={' or '.join(map(str, allowed))}", f"{key}={given}")

    def error(self, expected: str, got: str, remedy: str = "") -> InterchangeError:
        """Return the error that says what this node cannot be."""
        end = f"; {remedy}" if remedy else ""
        return InterchangeError(f"{self.where}: {self.op}: expected {expected}, got {got}{end}")


def with_operands(call: Call, *operands: Known | None) -> Call:
    """Return `call` with other operands."""
    return replace(call, operands=operands)


def turned(constant: Array | Weight, axes: Sequence[int]) -> Array | Weight:
    """Return `constant` with axis i being its former axis axes[i]."""
    if not isinstance(constant, Weight):
        return constant.transpose(axes)
    quant = constant.quant
    if quant is not None and quant.axis is not None:
        quant = replace(quant, axis=list(axes).index(quant.axis))
    return Weight(codes=np.ascontiguousarray(constant.codes.transpose(axes)), quant=quant)


def reals(constant: Array | Weight) -> Weight:
    """Return `constant` as float32."""
    return as_weight(constant.real() if isinstance(constant, Weight) else constant)


def shape_of(known: Known) -> Shape:
    """Return the model's shape.

    Raises:
        InterchangeError: It is no tensor of the graph.
    """
    if isinstance(known, Codes):
        return known.value.shape
    if isinstance(known, Arriving | Scaled | Sums):
        raise InterchangeError("the shape of integers that arrive is not known")
    return tuple(known.shape)


def is_constant(known: Known | None) -> bool:
    """Return whether `known` does not depend on the input."""
    return known is None or isinstance(known, np.ndarray | Weight)
