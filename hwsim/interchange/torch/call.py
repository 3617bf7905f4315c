"""One call of an aten op, with its arguments by name and in Python's own types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from hwsim.errors import InterchangeError
from hwsim.interchange._axis_orders import identity
from hwsim.interchange._builder import Builder, Value

if TYPE_CHECKING:
    from hwsim.arrays import Array, Shape

Operand: TypeAlias = "Value | Array"
"""A tensor that depends on the input, or the values of a constant one."""

Layer: TypeAlias = Callable[["Builder", "Call"], "Value | tuple[Value, ...]"]
"""Adds one call to the graph and returns its results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call; defaults are filled in.

    Attributes:
        where: `graph/node`, for messages.
        name: For its nodes.
        op: `aten.conv2d`, for messages.
        arguments: By the names of aten's schema; tensors are operands.
        shapes: Of the results, torch's.
        feeds_linear: Whether only linear layers read the result, perhaps through activations.
    """

    where: str
    name: str
    op: str
    arguments: Mapping[str, object]
    shapes: tuple[Shape, ...]
    feeds_linear: bool = False

    @property
    def shape(self) -> Shape:
        """Of the only result."""
        return self.shapes[0]

    @property
    def x(self) -> Value:
        """The first operand, which depends on the input."""
        return self.value(next(iter(self.arguments)))

    def value(self, key: str) -> Value:
        """Return the operand `key`, which depends on the input."""
        operand = self.arguments[key]
        if not isinstance(operand, Value):
            raise self.error(f"{key} that depends on the input", "a constant one")
        return operand

    def operand(self, key: str) -> Operand:
        """Return the operand `key`; a number comes as an array without axes."""
        return as_operand(self.arguments[key])

    def constant(self, key: str) -> Array | None:
        """Return the constant `key`, or None where it was left out."""
        array = self.arguments.get(key)
        if isinstance(array, Value):
            raise self.error(f"constant {key}", "one that depends on the input", "use matmul")
        return None if array is None else cast("Array", array)

    def ints(self, key: str, count: int) -> tuple[int, ...]:
        """Return `count` whole numbers; one given stands for all."""
        given = self.arguments[key]
        numbers = cast("Sequence[int]", given) if isinstance(given, Sequence) else (given,)
        whole = tuple(int(cast("int", number)) for number in numbers)
        return whole * count if len(whole) == 1 else whole

    def number(self, key: str, default: float = 0.0) -> float:
        """Return a number, `default` where it was left out."""
        given = self.arguments.get(key)
        return default if given is None else float(cast("float", given))

    def flag(self, key: str) -> bool:
        """Return a truth value, False where the op has no such argument."""
        return bool(self.arguments.get(key))

    def axis(self, key: str, rank: int) -> int:
        """Return an axis counted from the front."""
        return int(self.number(key)) % rank

    def refuse_unless(self, key: str, *allowed: object) -> None:
        """Raise unless the argument `key`, if there is one, is one of `allowed`.

        Raises:
            InterchangeError: It is another one.
        """
        given = self.arguments.get(key, allowed[0])
        if given not in allowed:
            raise self.error(f"{key}={' or '.join(map(str, allowed))}", f"{key}={given}")

    def error(self, expected: str, got: str, remedy: str = "rewrite this layer") -> Exception:
        """Return the error that says what this call cannot be."""
        return InterchangeError(
            f"{self.where}: {self.op}: expected {expected}, got {got}; {remedy}"
        )


def as_operand(argument: object) -> Operand:
    """Return a tensor argument, or a number as an array without axes."""
    return argument if isinstance(argument, Value) else np.asarray(cast("float", argument))


def as_value(builder: Builder, call: Call, operand: Operand) -> Value:
    """Return `operand` as a tensor of the graph."""
    if isinstance(operand, Value):
        return operand
    return builder.constant(call.name, operand, identity(operand.ndim))


def one_dimensional(layer: Layer) -> Layer:
    """Return `layer`, which takes images, for signals [batch, channels, length]."""
    # Height 1: every setting has a vertical part that does nothing.
    neutral = {"kernel_size": 1, "stride": 1, "dilation": 1, "padding": 0, "output_size": 1}
    neutral |= {"output_padding": 0}

    def read(builder: Builder, call: Call) -> Value:
        x = call.x
        arguments = dict(call.arguments)
        key = next(iter(arguments))
        arguments[key] = builder.reshape(f"{call.name}.image", x, (*x.shape[:2], 1, x.shape[-1]))
        weight = call.constant("weight")
        if weight is not None:
            arguments["weight"] = weight[:, :, None]
        for setting, extent in neutral.items():
            given = arguments.get(setting)
            if given is not None and given != [] and not isinstance(given, str):
                arguments[setting] = (extent, *call.ints(setting, 1))
        shape = (*call.shape[:2], 1, call.shape[2])
        image = layer(builder, replace(call, arguments=arguments, shapes=(shape,)))
        if not isinstance(image, Value):
            raise call.error("one result", "several")
        return builder.reshape(f"{call.name}.signal", image, call.shape)

    return read
