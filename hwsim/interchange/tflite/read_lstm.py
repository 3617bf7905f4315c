"""TFLite's UNIDIRECTIONAL_SEQUENCE_LSTM, read as an op."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import tflite

from hwsim.errors import InterchangeError
from hwsim.numerics import Quant
from hwsim.ops import Lstm
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from hwsim.interchange.tflite.read_call import Call

# Places of the operands; gates in the order input, forget, cell, output.
_INPUT_WEIGHTS, _RECURRENT_WEIGHTS = range(1, 5), range(5, 9)
_BIASES = range(12, 16)
_OUTPUT_STATE, _CELL_STATE = 18, 19
_REFUSED = {
    "peephole connections": range(9, 12),
    "a projection": range(16, 18),
    "layer normalisation": range(20, 24),
}
_HIDDEN = 4
_TANH = 4
_COUPLED = 3


def read_lstm(call: Call) -> Lstm:
    """Return the op.

    Raises:
        InterchangeError: It has parts that are not supported.
    """
    options = call.read(tflite.UnidirectionalSequenceLSTMOptions)
    for what, places in _REFUSED.items():
        if any(_index(call, place) >= 0 for place in places):
            raise InterchangeError(f"{call.where}: {what} of an LSTM is not supported")
    if options.FusedActivationFunction() != _TANH:
        raise InterchangeError(
            f"{call.where}: activation {options.FusedActivationFunction()} of an LSTM is not "
            "supported; supported: tanh"
        )
    if call.tensors.type(call.inputs[0]).quant is not None:
        _require_state(call)
    return Lstm(
        input_weight=_stacked(call, _INPUT_WEIGHTS),
        recurrent_weight=_stacked(call, _RECURRENT_WEIGHTS),
        bias=_bias(call),
        time_major=bool(options.TimeMajor()),
        cell_clip=float(options.CellClip()),
        **_cell(call),
    )


def _index(call: Call, place: int) -> int:
    return call.inputs[place] if place < len(call.inputs) else -1


def _present(call: Call, places: range) -> list[int]:
    """Return the operands of the gates; the first may be left out."""
    given = [_index(call, place) for place in places]
    present = [index for index in given if index >= 0]
    if len(present) < _COUPLED or given[1:] != present[-_COUPLED:]:
        raise InterchangeError(f"{call.where}: an LSTM needs all its gates but the input gate's")
    return present


def _stacked(call: Call, places: range) -> Weight:
    weights = [call.tensors.weight(index) for index in _present(call, places)]
    if any(weight.codes.ndim != 2 for weight in weights):
        raise InterchangeError(f"{call.where}: diagonal weights of an LSTM are not supported")
    codes = np.concatenate([weight.codes for weight in weights])
    is_real = call.tensors.type(call.inputs[0]).quant is None
    quants = [w.quant for w in weights if w.quant is not None and len(w.quant.scale) == 1]
    if is_real and codes.dtype.kind == "f":
        return Weight(codes=codes)
    if is_real or len(quants) < len(weights):
        raise InterchangeError(
            f"{call.where}: an LSTM takes reals and float32 weights, or int8 codes and int8 "
            "weights of one scale per gate"
        )
    rows = [len(weight.codes) for weight in weights]
    quant = Quant(
        scale=tuple(s for q, n in zip(quants, rows, strict=True) for s in q.scale * n),
        zero_point=tuple(z for q, n in zip(quants, rows, strict=True) for z in q.zero_point * n),
        axis=0,
        bits=quants[0].bits,
    )
    return Weight(codes=codes, quant=quant)


def _bias(call: Call) -> Weight:
    codes = np.concatenate(
        [call.tensors.constant(index).reshape(-1) for index in _present(call, _BIASES)]
    )
    x, weight = call.tensors.type(call.inputs[0]).quant, _stacked(call, _INPUT_WEIGHTS).quant
    if x is None or weight is None:
        return Weight(codes=codes)
    # The unit is input scale x weight scale by definition.
    scale = tuple(float(np.float32(x.scale[0]) * np.float32(s)) for s in weight.scale)
    quant = Quant(scale=scale, zero_point=(0,) * len(scale), axis=0, bits=32)
    return Weight(codes=codes, quant=quant)


def _require_state(call: Call) -> None:
    """Refuse states that are encoded otherwise than the output, into which they are copied."""
    y = call.tensors.type(call.outputs[0]).quant
    copies = {"output state": _index(call, _OUTPUT_STATE)}
    if len(call.intermediates) > _HIDDEN:
        copies["hidden state"] = call.intermediates[_HIDDEN]
    for what, index in copies.items():
        quant = call.tensors.type(index).quant
        if y is None or quant is None or (quant.scale, quant.zero_point) != (y.scale, y.zero_point):
            raise InterchangeError(
                f"{call.where}: {what} and result of an LSTM need one encoding, got "
                f"{call.tensors.type(index)} of another scale or zero point"
            )


def _cell(call: Call) -> dict[str, Any]:
    """Return `cell_exponent` where the cell state is integer."""
    quant = call.tensors.type(_index(call, _CELL_STATE)).quant
    if quant is None:
        return {}
    fraction, exponent = math.frexp(quant.scale[0])
    if fraction != 0.5 or quant.zero_point != (0,):
        raise InterchangeError(
            f"{call.where}: the cell state of an LSTM needs steps of a power of two about 0, got "
            f"{quant.scale[0]:g}"
        )
    return {"cell_exponent": exponent - 1}
