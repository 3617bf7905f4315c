"""Read activations and other functions of one operand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange._builder import Value, as_weight
from hwsim.interchange.onnx.read_elementwise import applied, combined
from hwsim.ops import Add, Binary, Elementary, LeakyRelu, Maximum, Minimum, Mul, PRelu

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.interchange._builder import Builder
    from hwsim.interchange.onnx.read_call import Call, Layer
    from hwsim.ops.elementary import Function

_LARGEST = float(np.finfo(np.float32).max)
_KNOWN_CLAMPS: Mapping[tuple[float, float], Function] = {
    (0.0, math.inf): "relu",
    (0.0, 6.0): "relu6",
    (0.0, 1.0): "relu_0_to_1",
    (-1.0, 1.0): "relu_n1_to_1",
}


def _elementary(function: Function) -> Layer:
    return lambda builder, call: applied(builder, call.name, Elementary(function=function), call.x)


def _clamped(builder: Builder, name: str, x: Value, low: float, high: float) -> Value:
    """Return `x` within low..high."""
    low = -math.inf if low <= -_LARGEST else low
    high = math.inf if high >= _LARGEST else high
    if (low, high) in _KNOWN_CLAMPS:
        return applied(builder, name, Elementary(function=_KNOWN_CLAMPS[low, high]), x)
    for op, bound in ((Maximum(), low), (Minimum(), high)):
        if math.isfinite(bound):
            x = replace(combined(builder, name, op, x, bound), columns=x.columns)
    return x


def _clip(builder: Builder, call: Call) -> Value:
    bounds = (call.array(1), call.array(2))
    low, high = (None if bound is None else float(bound.reshape(-1)[0]) for bound in bounds)
    low = call.number("min", -math.inf) if low is None else low
    high = call.number("max", math.inf) if high is None else high
    return _clamped(builder, call.name, call.x, low, high)


def _leaky_relu(builder: Builder, call: Call) -> Value:
    return applied(builder, call.name, LeakyRelu(alpha=call.number("alpha", 0.01)), call.x)


def _prelu(builder: Builder, call: Call) -> Value:
    x, slope = call.x, call.needed(1)
    rank = len(x.shape)
    shape = (1,) * (rank - slope.ndim) + slope.shape
    long = [axis for axis, extent in enumerate(shape) if extent > 1]
    if len(long) > 1:
        # A slope per element: x where positive, else slope * x.
        rest = combined(builder, f"{call.name}.rest", Minimum(), x, 0.0)
        rest = combined(builder, f"{call.name}.slope", Mul(), rest, slope)
        positive = applied(builder, f"{call.name}.positive", Elementary(function="relu"), x)
        return combined(builder, call.name, Add(), positive, rest)
    axis = long[0] if long else rank - 1
    order = (*(other for other in x.order if other != axis), axis) if rank else x.order
    op = PRelu(alpha=as_weight(slope.reshape(-1)))
    return builder.emit(call.name, op, (builder.laid(x, order),), order)


def _gelu(builder: Builder, call: Call) -> Value:
    call.refuse_unless("approximate", "none", "tanh")
    exact = call.text("approximate", "none") == "none"
    return applied(
        builder, call.name, Elementary(function="gelu" if exact else "gelu_tanh"), call.x
    )


def _hard_sigmoid(builder: Builder, call: Call) -> Value:
    alpha, beta = call.number("alpha", 0.2), call.number("beta", 0.5)
    if (np.float32(alpha), beta) == (np.float32(1 / 6), 0.5):
        return applied(builder, call.name, Elementary(function="hard_sigmoid"), call.x)
    scaled = combined(builder, f"{call.name}.scaled", Mul(), call.x, alpha)
    shifted = combined(builder, f"{call.name}.shifted", Add(), scaled, beta)
    return _clamped(builder, call.name, shifted, 0.0, 1.0)


def _elu(builder: Builder, call: Call) -> Value:
    """Elu, Celu and Selu: gamma * (max(0, x) + alpha * (exp(min(0, x) / width) - 1))."""
    alpha, gamma, width = call.number("alpha", 1.0), 1.0, 1.0
    if call.op == "Selu":
        # Klambauer et al., arXiv 1706.02515, as the operator's defaults have it.
        alpha = call.number("alpha", 1.67326319217681884765625)
        gamma = call.number("gamma", 1.05070102214813232421875)
    elif call.op == "Celu":
        width = alpha
    if (alpha, gamma) == (1.0, 1.0):
        return applied(builder, call.name, Elementary(function="elu"), call.x)
    name = call.name
    negative = combined(builder, f"{name}.negative", Minimum(), call.x, 0.0)
    if width != 1:
        negative = combined(builder, f"{name}.width", Mul(), negative, 1 / width)
    curve = applied(builder, f"{name}.elu", Elementary(function="elu"), negative)
    curve = combined(builder, f"{name}.alpha", Mul(), curve, alpha * gamma)
    positive = applied(builder, f"{name}.positive", Elementary(function="relu"), call.x)
    if gamma != 1:
        positive = combined(builder, f"{name}.gamma", Mul(), positive, gamma)
    return combined(builder, name, Add(), positive, curve)


def _softplus(builder: Builder, name: str, x: Value) -> Value:
    """Return log(1 + exp(x)) as max(0, x) + log(1 + exp(-|x|)), which never overflows."""
    size = applied(builder, f"{name}.abs", Elementary(function="abs"), x)
    negative = applied(builder, f"{name}.neg", Elementary(function="neg"), size)
    power = applied(builder, f"{name}.exp", Elementary(function="exp"), negative)
    more = combined(builder, f"{name}.more", Add(), power, 1.0)
    log = applied(builder, f"{name}.log", Elementary(function="log"), more)
    positive = applied(builder, f"{name}.positive", Elementary(function="relu"), x)
    return combined(builder, name, Add(), positive, log)


def _mish(builder: Builder, call: Call) -> Value:
    """Misra, arXiv 1908.08681: x * tanh(softplus(x))."""
    gate = _softplus(builder, f"{call.name}.softplus", call.x)
    gate = applied(builder, f"{call.name}.tanh", Elementary(function="tanh"), gate)
    return combined(builder, call.name, Mul(), call.x, gate)


def _softsign(builder: Builder, call: Call) -> Value:
    size = applied(builder, f"{call.name}.abs", Elementary(function="abs"), call.x)
    more = combined(builder, f"{call.name}.more", Add(), size, 1.0)
    return combined(builder, call.name, Binary(function="div"), call.x, more)


def _swish(builder: Builder, call: Call) -> Value:
    alpha = call.number("alpha", 1.0)
    if alpha == 1:
        return applied(builder, call.name, Elementary(function="silu"), call.x)
    scaled = combined(builder, f"{call.name}.scaled", Mul(), call.x, alpha)
    gate = applied(builder, f"{call.name}.gate", Elementary(function="logistic"), scaled)
    return combined(builder, call.name, Mul(), call.x, gate)


def _reciprocal(builder: Builder, call: Call) -> Value:
    return combined(builder, call.name, Binary(function="div"), 1.0, call.x)


ACTIVATIONS: Mapping[str, Layer] = {
    "Abs": _elementary("abs"),
    "Ceil": _elementary("ceil"),
    "Celu": _elu,
    "Clip": _clip,
    "Elu": _elu,
    "Erf": _elementary("erf"),
    "Exp": _elementary("exp"),
    "Floor": _elementary("floor"),
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _elementary("hard_swish"),
    "LeakyRelu": _leaky_relu,
    "Log": _elementary("log"),
    "Mish": _mish,
    "Neg": _elementary("neg"),
    "PRelu": _prelu,
    "Reciprocal": _reciprocal,
    "Relu": _elementary("relu"),
    "Round": _elementary("round"),
    "Selu": _elu,
    "Sigmoid": _elementary("logistic"),
    "Softplus": lambda builder, call: _softplus(builder, call.name, call.x),
    "Softsign": _softsign,
    "Sqrt": _elementary("sqrt"),
    "Swish": _swish,
    "Tanh": _elementary("tanh"),
    "com.microsoft.Gelu": _gelu,
}
