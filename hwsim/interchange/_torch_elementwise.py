"""Read ops that touch every element once: activations and arithmetic."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange._torch_builder import Value, identity
from hwsim.interchange._torch_shapes import common_order, ranked
from hwsim.ops import Add, Elementary, Mul

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import Array
    from hwsim.interchange._torch_builder import Builder
    from hwsim.interchange._torch_call import Call, Layer, Operand
    from hwsim.ops.elementary import Function


def _applied(builder: Builder, call: Call, function: Function) -> Value:
    result = builder.emit(call.name, Elementary(function=function), (call.x,), call.x.order)
    return replace(result, columns=call.x.columns)


def _elementary(function: Function) -> Layer:
    return lambda builder, call: _applied(builder, call, function)


def _gelu(builder: Builder, call: Call) -> Value:
    exact = call.arguments["approximate"] == "none"
    return _applied(builder, call, "gelu" if exact else "gelu_tanh")


def _clamp(builder: Builder, call: Call) -> Value:
    """Read hardtanh, clamp and clamp_min where they are a known activation."""
    low = call.number("min_val", call.number("min", -math.inf))
    high = call.number("max_val", call.number("max", math.inf))
    known: dict[tuple[float, float], Function] = {(0, 6): "relu6", (0, math.inf): "relu"}
    if (low, high) not in known:
        raise call.error("bounds (0, 6) or (0, inf)", f"({low}, {high})", "use relu or relu6")
    return _applied(builder, call, known[low, high])


def _scaled(builder: Builder, call: Call, operand: Operand, factor: float) -> Operand:
    """Return factor * operand."""
    if factor == 1:
        return operand
    if not isinstance(operand, Value):
        return operand * factor
    scalar = builder.constant(f"{call.name}.factor", np.array([factor]), identity(1))
    return builder.emit(f"{call.name}.scaled", Mul(), (operand, scalar), operand.order)


def _combined(builder: Builder, call: Call, op: Add | Mul, *operands: Operand) -> Value:
    """Return op(*operands) with torch's broadcasting."""
    order = common_order(operands, len(call.shape))
    values = [
        builder.constant(call.name, operand.reshape(1), identity(1))
        if not isinstance(operand, Value) and operand.size == 1
        else ranked(builder, call, operand, order)
        for operand in operands
    ]
    return builder.emit(call.name, op, values, order)


def _sum(sign: int) -> Layer:
    def read(builder: Builder, call: Call) -> Value:
        factor = sign * call.number("alpha", 1.0)
        b = _scaled(builder, call, call.operand("other"), factor)
        return _combined(builder, call, Add(), call.operand("self"), b)

    return read


def _rsub(builder: Builder, call: Call) -> Value:
    a = _scaled(builder, call, call.operand("self"), -call.number("alpha", 1.0))
    return _combined(builder, call, Add(), a, call.operand("other"))


def _mul(builder: Builder, call: Call) -> Value:
    return _combined(builder, call, Mul(), call.operand("self"), call.operand("other"))


def _div(builder: Builder, call: Call) -> Value:
    call.refuse_unless("rounding_mode", None)
    divisor = call.operand("other")
    if isinstance(divisor, Value):
        raise call.error("a constant divisor", "one that depends on the input")
    inverse: Array = 1.0 / divisor
    return _combined(builder, call, Mul(), call.operand("self"), inverse)


def _neg(builder: Builder, call: Call) -> Value:
    return _combined(builder, call, Mul(), call.x, np.array(-1.0))


ELEMENTARY: Mapping[str, Layer] = {
    "clamp": _clamp,
    "clamp_min": _clamp,
    "gelu": _gelu,
    "hardsigmoid": _elementary("hard_sigmoid"),
    "hardswish": _elementary("hard_swish"),
    "hardtanh": _clamp,
    "relu": _elementary("relu"),
    "relu6": _elementary("relu6"),
    "sigmoid": _elementary("logistic"),
    "silu": _elementary("silu"),
    "tanh": _elementary("tanh"),
}

ARITHMETIC: Mapping[str, Layer] = {
    "add": _sum(1),
    "div": _div,
    "mul": _mul,
    "neg": _neg,
    "rsub": _rsub,
    "sub": _sum(-1),
}
