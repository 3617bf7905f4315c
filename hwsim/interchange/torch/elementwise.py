"""Read ops that touch every element once: activations and arithmetic."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange._axis_orders import channels_last, identity
from hwsim.interchange._builder import Value, as_weight
from hwsim.interchange._layouts import common_order, ranked
from hwsim.ops import Add, Binary, Elementary, LeakyRelu, Maximum, Minimum, Mul, PRelu, Sub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import Array
    from hwsim.interchange._builder import Builder
    from hwsim.interchange.torch.call import Call, Layer, Operand
    from hwsim.op import Op
    from hwsim.ops.elementary import Function


def _applied(builder: Builder, call: Call, function: Function) -> Value:
    result = builder.emit(call.name, Elementary(function=function), (call.x,), call.x.order)
    return replace(result, columns=call.x.columns)


def _elementary(function: Function) -> Layer:
    return lambda builder, call: _applied(builder, call, function)


def _gelu(builder: Builder, call: Call) -> Value:
    exact = call.arguments["approximate"] == "none"
    return _applied(builder, call, "gelu" if exact else "gelu_tanh")


_BOUNDS: Mapping[tuple[float, float], Function] = {
    (0, 6): "relu6",
    (0, math.inf): "relu",
    (0, 1): "relu_0_to_1",
    (-1, 1): "relu_n1_to_1",
}
_POWERS: Mapping[float, Function] = {-0.5: "rsqrt", 0.5: "sqrt", 2.0: "square"}


def _clamp(builder: Builder, call: Call) -> Value:
    """Read hardtanh, clamp and clamp_min where they are a known activation."""
    low = call.number("min_val", call.number("min", -math.inf))
    high = call.number("max_val", call.number("max", math.inf))
    if (low, high) not in _BOUNDS:
        known = ", ".join(f"({a}, {b})" for a, b in _BOUNDS)
        raise call.error(f"bounds {known}", f"({low}, {high})", "use relu or relu6")
    return _applied(builder, call, _BOUNDS[low, high])


def _scaled(builder: Builder, call: Call, operand: Operand, factor: float) -> Operand:
    """Return factor * operand."""
    if factor == 1:
        return operand
    if not isinstance(operand, Value):
        return operand * factor
    scalar = builder.constant(f"{call.name}.factor", np.array([factor]), identity(1))
    return builder.emit(f"{call.name}.scaled", Mul(), (operand, scalar), operand.order)


def _combined(builder: Builder, call: Call, op: Op, *operands: Operand) -> Value:
    """Return op(*operands) with torch's broadcasting."""
    order = common_order(operands, len(call.shape))
    values = [
        builder.constant(call.name, operand.reshape(1), identity(1))
        if not isinstance(operand, Value) and operand.size == 1
        else ranked(builder, call.name, operand, order)
        for operand in operands
    ]
    return builder.emit(call.name, op, values, order)


def _sum(op: Add | Sub) -> Layer:
    def read(builder: Builder, call: Call) -> Value:
        b = _scaled(builder, call, call.operand("other"), call.number("alpha", 1.0))
        return _combined(builder, call, op, call.operand("self"), b)

    return read


def _rsub(builder: Builder, call: Call) -> Value:
    a = _scaled(builder, call, call.operand("self"), call.number("alpha", 1.0))
    return _combined(builder, call, Sub(), call.operand("other"), a)


def _mul(builder: Builder, call: Call) -> Value:
    return _combined(builder, call, Mul(), call.operand("self"), call.operand("other"))


def _div(builder: Builder, call: Call) -> Value:
    call.refuse_unless("rounding_mode", None)
    divisor = call.operand("other")
    if isinstance(divisor, Value):
        return _combined(builder, call, Binary(function="div"), call.operand("self"), divisor)
    inverse: Array = 1.0 / divisor
    return _combined(builder, call, Mul(), call.operand("self"), inverse)


def _pair_of(op: Maximum | Minimum) -> Layer:
    return lambda builder, call: _combined(
        builder, call, op, call.operand("self"), call.operand("other")
    )


def _pow(builder: Builder, call: Call) -> Value:
    exponent = call.operand("exponent")
    if not isinstance(exponent, Value) and exponent.size == 1:
        function = _POWERS.get(float(exponent.reshape(())))
        if function is not None:
            return _applied(builder, call, function)
    return _combined(builder, call, Binary(function="pow"), call.operand("self"), exponent)


def _leaky_relu(builder: Builder, call: Call) -> Value:
    op = LeakyRelu(alpha=call.number("negative_slope", 0.01))
    result = builder.emit(call.name, op, (call.x,), call.x.order)
    return replace(result, columns=call.x.columns)


def _elu(builder: Builder, call: Call) -> Value:
    for key in ("alpha", "scale", "input_scale"):
        call.refuse_unless(key, 1, 1.0)
    return _applied(builder, call, "elu")


def _prelu(builder: Builder, call: Call) -> Value:
    alpha = call.constant("weight")
    if alpha is None:
        raise call.error("slopes", "none")
    # Slopes belong to axis 1, which lies last here.
    order = channels_last(len(call.x.shape)) if alpha.size > 1 else call.x.order
    op = PRelu(alpha=as_weight(alpha.reshape(-1)))
    return builder.emit(call.name, op, (builder.laid(call.x, order),), order)


def _neg(builder: Builder, call: Call) -> Value:
    return _combined(builder, call, Mul(), call.x, np.array(-1.0))


ELEMENTARY: Mapping[str, Layer] = {
    "abs": _elementary("abs"),
    "ceil": _elementary("ceil"),
    "clamp": _clamp,
    "clamp_min": _clamp,
    "elu": _elu,
    "exp": _elementary("exp"),
    "floor": _elementary("floor"),
    "gelu": _gelu,
    "hardsigmoid": _elementary("hard_sigmoid"),
    "hardswish": _elementary("hard_swish"),
    "hardtanh": _clamp,
    "leaky_relu": _leaky_relu,
    "log": _elementary("log"),
    "relu": _elementary("relu"),
    "relu6": _elementary("relu6"),
    "rsqrt": _elementary("rsqrt"),
    "sigmoid": _elementary("logistic"),
    "silu": _elementary("silu"),
    "sqrt": _elementary("sqrt"),
    "square": _elementary("square"),
    "tanh": _elementary("tanh"),
}

ARITHMETIC: Mapping[str, Layer] = {
    "add": _sum(Add()),
    "div": _div,
    "maximum": _pair_of(Maximum()),
    "minimum": _pair_of(Minimum()),
    "mul": _mul,
    "neg": _neg,
    "pow": _pow,
    "prelu": _prelu,
    "rsub": _rsub,
    "sub": _sum(Sub()),
}
