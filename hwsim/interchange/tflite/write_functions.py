"""Functions of one operand, as TFLite operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.interchange.tflite.write_place import Place
    from hwsim.numerics import Quant
    from hwsim.ops import Elementary, LeakyRelu, LogSoftmax, PRelu, Softmax

_INTEGER_FUNCTIONS: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    "gelu": ("GELU", "GeluOptions", {"Approximate": False}),
    "gelu_tanh": ("GELU", "GeluOptions", {"Approximate": True}),
    "hard_swish": ("HARD_SWISH", "HardSwishOptions", {}),
    "logistic": ("LOGISTIC", "", {}),
    "relu": ("RELU", "", {}),
    "relu6": ("RELU6", "", {}),
    "relu_0_to_1": ("RELU_0_TO_1", "", {}),
    "relu_n1_to_1": ("RELU_N1_TO_1", "", {}),
    "tanh": ("TANH", "", {}),
}
"""Operator, table and attributes of each function that TFLite has, and computes as hwsim does."""

# LiteRT's softmax scales codes up to 26 fractional bits, and ends the process where that is down.
_SMALLEST_STEP = 2.0**-26

_REAL_FUNCTIONS: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    **_INTEGER_FUNCTIONS,
    "abs": ("ABS", "AbsOptions", {}),
    "ceil": ("CEIL", "", {}),
    "elu": ("ELU", "", {}),
    "exp": ("EXP", "ExpOptions", {}),
    "floor": ("FLOOR", "", {}),
    "log": ("LOG", "", {}),
    "neg": ("NEG", "NegOptions", {}),
    "round": ("ROUND", "", {}),
    "rsqrt": ("RSQRT", "", {}),
    "sqrt": ("SQRT", "", {}),
    "square": ("SQUARE", "SquareOptions", {}),
}
"""The same of reals."""


def write_elementary(place: Place, op: Elementary) -> None:
    """Write the operator of that function, or several where reals allow it."""
    if place.is_real and op.function in _COMPOSED:
        _COMPOSED[op.function](place)
        return
    known = _REAL_FUNCTIONS if place.is_real else _INTEGER_FUNCTIONS
    if op.function not in known:
        raise place.refusal(
            f"it has no {'' if place.is_real else 'integer '}{op.function} that computes as hwsim "
            f"does; known: {', '.join(known)}"
        )
    code, table, options = known[op.function]
    quant = place.output.quant
    if quant is not None and op.function in _FIXED:
        require_encoding(place, code, *_FIXED[op.function](quant))
    place.call(code, place.node.inputs[0], table=table, **options)


def _write_silu(place: Place) -> None:
    """Write x * logistic(x)."""
    (x,) = place.node.inputs
    gate = place.temporary("gate", place.output)
    place.call("LOGISTIC", x, outputs=(gate,))
    place.call("MUL", x, gate, table="MulOptions")


def _write_hard_sigmoid(place: Place) -> None:
    """Write clip(x + 3, 0, 6) / 6."""
    (x,) = place.node.inputs
    moved = place.temporary("moved", place.output)
    three = place.constant("three", np.array([3], np.float32))
    sixth = place.constant("sixth", np.array([1 / 6], np.float32))
    place.call("ADD", x, three, table="AddOptions", outputs=(moved,), activation="relu6")
    place.call("MUL", moved, sixth, table="MulOptions")


_COMPOSED: Mapping[str, Callable[[Place], None]] = {
    "silu": _write_silu,
    "hard_sigmoid": _write_hard_sigmoid,
}
"""Functions that TFLite has in parts only."""


def write_leaky_relu(place: Place, op: LeakyRelu) -> None:
    """Write LEAKY_RELU."""
    place.call("LEAKY_RELU", place.node.inputs[0], table="LeakyReluOptions", Alpha=op.alpha)


def write_prelu(place: Place, op: PRelu) -> None:
    """Write PRELU; its slopes lie along the last axis."""
    alpha = op.alpha
    # Runtimes expect an axis of the slopes for each of the operand's but the batch.
    shape = (*(1,) * (len(place.inputs[0].shape) - 2), alpha.codes.size)
    codes = alpha.codes if alpha.quant is not None else alpha.codes.astype(np.float32)
    slopes = place.constant("alpha", codes.reshape(shape), alpha.quant)
    place.call("PRELU", place.node.inputs[0], slopes)


def write_softmax(place: Place, op: Softmax) -> None:
    """Write SOFTMAX."""
    x, quant = place.inputs[0].quant, place.output.quant
    if quant is not None:
        require_encoding(place, "SOFTMAX", *_unit(quant))
    if x is not None and x.bits == 8 and op.beta * x.scale[0] <= _SMALLEST_STEP:
        raise place.refusal(
            f"SOFTMAX takes steps of more than 2^-26, beta included, got "
            f"{op.beta * x.scale[0]:g}; scale the layer before it"
        )
    place.call("SOFTMAX", place.node.inputs[0], table="SoftmaxOptions", Beta=op.beta)


def write_log_softmax(place: Place, op: LogSoftmax) -> None:
    """Write LOG_SOFTMAX."""
    del op
    quant = place.output.quant
    if quant is not None:
        # Codes of -16..0: the logarithms of probabilities down to 10^-7.
        require_encoding(place, "LOG_SOFTMAX", 1 / 16, quant.high)
    place.call("LOG_SOFTMAX", place.node.inputs[0], table="LogSoftmaxOptions")


def _unit(quant: Quant) -> tuple[float, int]:
    """Return scale and zero point of codes of 0..1; 16-bit ones leave their lower half empty."""
    return (2.0**-15, 0) if quant.bits == 16 else (2.0**-8, quant.low)


def _signed_unit(quant: Quant) -> tuple[float, int]:
    """Return scale and zero point of codes of -1..1."""
    return (2.0**-15, 0) if quant.bits == 16 else (2.0**-7, quant.low + 128)


_FIXED: Mapping[str, Callable[[Quant], tuple[float, int]]] = {
    "logistic": _unit,
    "tanh": _signed_unit,
}
"""Functions whose integer results have one encoding in TFLite."""


def require_encoding(place: Place, code: str, scale: float, zero_point: int) -> None:
    """Refuse a result in another encoding than the integer kernels of `code` make."""
    quant = place.output.quant
    if quant is not None and (quant.scale[0], quant.zero_point[0]) != (scale, zero_point):
        raise place.refusal(
            f"{code} makes scale {scale:g} and zero point {zero_point}, got {quant.scale[0]:g} "
            f"and {quant.zero_point[0]}; quantize the float model again, which gives it these"
        )
