"""TFLite operators whose 16-bit forms say more, or allow less, than their 8-bit ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import tflite

from hwsim.errors import InterchangeError
from hwsim.ops import Add, Elementary, Softmax, Sub

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.interchange.tflite.read_call import Call
    from hwsim.op import Op
    from hwsim.ops.elementary import Function

_STEP_8, _STEP_16 = 2.0**-8, 2.0**-15


def _add(call: Call) -> Op:
    options = call.read(tflite.AddOptions)
    _require_general_scales(call, options)
    return Add(activation=call.activation(options))


def _sub(call: Call) -> Op:
    options = call.read(tflite.SubOptions)
    _require_general_scales(call, options)
    return Sub(activation=call.activation(options))


def _require_general_scales(call: Call, options: Any) -> None:
    """Refuse a 16-bit sum whose file asks for shifts alone, which only powers of two allow."""
    quants = [call.tensors.type(i).quant for i in (*call.inputs, *call.outputs)]
    is_wide = any(quant is not None and quant.bits == 16 for quant in quants)
    is_power = all(q is not None and math.frexp(q.scale[0])[0] == 0.5 for q in quants)
    if is_wide and is_power and options.PotScaleInt16():
        raise InterchangeError(
            f"{call.where}: 16-bit sums by shifts (pot_scale_int16) are not supported; "
            "converters write false there since 2021"
        )


def _sigmoid(function: Function) -> Callable[[Call], Op]:
    """Read a function whose 16-bit result has one encoding only."""

    def read(call: Call) -> Op:
        quant = call.tensors.type(call.outputs[0]).quant
        if quant is not None and quant.bits == 16 and quant.scale != (_STEP_16,):
            raise InterchangeError(
                f"{call.where}: a 16-bit result needs scale 1/{1 / _STEP_16:.0f}, "
                f"got {quant.scale[0]:g}"
            )
        return Elementary(function=function)

    return read


def _softmax(call: Call) -> Op:
    quant, of = (call.tensors.type(i[0]).quant for i in (call.outputs, call.inputs))
    if quant is not None and of is not None:
        scale, zero_point = (_STEP_8, quant.low) if quant.bits == 8 else (_STEP_16, 0)
        if (quant.scale, quant.zero_point, quant.bits) != ((scale,), (zero_point,), of.bits):
            raise InterchangeError(
                f"{call.where}: an {of.bits}-bit operand needs a result of {of.bits} bits, scale "
                f"1/{1 / scale:.0f} and zero point {zero_point}, got {quant.bits} bits, scale "
                f"{quant.scale[0]:g} and zero point {quant.zero_point[0]}"
            )
    return Softmax(beta=call.read(tflite.SoftmaxOptions).Beta())


def require_bias_type(call: Call, options: Any = None) -> None:
    """Refuse a 32-bit bias of 16-bit activations that the options, if any, do not announce.

    LiteRT would read it as one of 64 bits.

    Raises:
        InterchangeError: It is such a bias.
    """
    x = call.tensors.type(call.inputs[0]).quant
    bias = call.tensors.bias(call.inputs)
    if x is None or bias is None or x.bits <= 8 or bias.bits != 32:
        return
    if options is None or options.QuantizedBiasType() != tflite.TensorType.INT32:
        raise InterchangeError(
            f"{call.where}: 16-bit activations need a bias of 64 bits, or of 32 in a layer whose "
            "quantized_bias_type is INT32"
        )


WIDE_READERS: dict[str, Callable[[Call], Op]] = {
    "ADD": _add,
    "LOGISTIC": _sigmoid("logistic"),
    "SOFTMAX": _softmax,
    "SUB": _sub,
    "TANH": _sigmoid("tanh"),
}
"""The operators of this file, by TFLite's name."""
