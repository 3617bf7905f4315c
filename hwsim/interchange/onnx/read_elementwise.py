"""Read arithmetic, element by element."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange._axis_orders import identity
from hwsim.interchange._builder import Value
from hwsim.interchange._layouts import common_order, ranked
from hwsim.ops import Add, Binary, Elementary, Maximum, Minimum, Mul, Sub
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.interchange._builder import Builder
    from hwsim.interchange._layouts import Operand
    from hwsim.interchange.onnx.read_call import Call, Known, Layer
    from hwsim.op import Op
    from hwsim.ops.elementary import Function


def applied(builder: Builder, name: str, op: Op, x: Value) -> Value:
    """Return op(x), element by element."""
    return replace(builder.emit(name, op, (x,), x.order), columns=x.columns)


def combined(builder: Builder, name: str, op: Op, a: Operand | float, b: Operand | float) -> Value:
    """Return op(a, b) with NumPy's broadcasting."""
    operands = [o if isinstance(o, Value | Weight) else np.asarray(o) for o in (a, b)]
    rank = max(*(len(operand.shape) for operand in operands), 1)
    order = common_order(operands, rank)
    values = [_ready(builder, name, operand, order) for operand in operands]
    return builder.emit(name, op, values, order)


def _ready(builder: Builder, name: str, operand: Operand, order: tuple[int, ...]) -> Value:
    if isinstance(operand, Value) or math.prod(operand.shape) != 1:
        return ranked(builder, name, operand, order)
    # A number stays a number, whatever axes it was written with.
    if isinstance(operand, Weight):
        return builder.constant(name, replace(operand, codes=operand.codes.reshape(1)), (0,))
    return builder.constant(name, operand.reshape(1), identity(1))


def _binary(op: Op) -> Layer:
    def read(builder: Builder, call: Call) -> Value:
        return combined(builder, call.name, op, call.operand(0), call.operand(1))

    return read


def _div(builder: Builder, call: Call) -> Value:
    a, b = call.operand(0), call.operand(1)
    if isinstance(b, np.ndarray) and (b != 0).all():
        return combined(builder, call.name, Mul(), a, 1.0 / b.astype(np.float64))
    return combined(builder, call.name, Binary(function="div"), a, b)


def _pow(builder: Builder, call: Call) -> Value:
    a, b = call.operand(0), call.operand(1)
    if isinstance(a, np.ndarray) and a.dtype.kind in "iu":
        raise call.error("reals as operand 0", "integers")
    if isinstance(a, Value) and isinstance(b, np.ndarray) and b.size == 1:
        known: Mapping[float, Function] = {2.0: "square", 0.5: "sqrt", -0.5: "rsqrt"}
        function = known.get(float(b.reshape(-1)[0]))
        if function is not None and b.ndim <= len(a.shape):
            return applied(builder, call.name, Elementary(function=function), a)
    return combined(builder, call.name, Binary(function="pow"), a, b)


def _folding(op: Op, *, is_mean: bool = False) -> Layer:
    """Return the layer of an operator of any number of operands."""

    def read(builder: Builder, call: Call) -> Known:
        operands = [call.operand(i) for i in range(len(call.operands))]
        total = reduce(lambda a, b: combined(builder, call.name, op, a, b), operands)
        if not is_mean:
            return total
        return combined(builder, f"{call.name}.mean", Mul(), total, 1 / len(operands))

    return read


def _where(builder: Builder, call: Call) -> Value:
    """Choose by a constant mask: what is not chosen is multiplied by 0."""
    mask = call.needed(0).astype(bool)
    parts: list[Operand] = []
    for i, chosen in ((1, mask), (2, ~mask)):
        operand = call.operand(i)
        if isinstance(operand, Value):
            keep = chosen.astype(np.float32)
            parts.append(combined(builder, f"{call.name}.{i}", Mul(), operand, keep))
        else:
            real = operand.real() if isinstance(operand, Weight) else operand
            parts.append(np.where(chosen, real, 0.0))
    return combined(builder, call.name, Add(), parts[0], parts[1])


ARITHMETIC: Mapping[str, Layer] = {
    "Add": _binary(Add()),
    "Div": _div,
    "Max": _folding(Maximum()),
    "Mean": _folding(Add(), is_mean=True),
    "Min": _folding(Minimum()),
    "Mul": _binary(Mul()),
    "Pow": _pow,
    "Sub": _binary(Sub()),
    "Sum": _folding(Add()),
    "Where": _where,
}
