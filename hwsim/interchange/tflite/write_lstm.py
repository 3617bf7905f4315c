"""LSTMs, as TFLite's UNIDIRECTIONAL_SEQUENCE_LSTM."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange.tflite.write_schema import Call, Tensor
from hwsim.numerics import Quant

if TYPE_CHECKING:
    from hwsim.arrays import Array
    from hwsim.interchange.tflite.write_place import Place
    from hwsim.ops import Lstm
    from hwsim.tensor import Weight

_GATES = ("input", "forget", "cell", "output")
# Where the operands of the first gate stand among all, and where the states do.
_OPERANDS = 24
_INPUT_WEIGHTS, _RECURRENT_WEIGHTS, _BIASES = 1, 5, 12
_OUTPUT_STATE, _CELL_STATE = 18, 19
_TANH = 4
# Kernels of integers ask for encodings of the gates before the activation, and pass them over
# where there is no layer normalisation.
_GATE = Quant(scale=(2.0**-12,), bits=16)


def write_lstm(place: Place, op: Lstm) -> None:
    """Write UNIDIRECTIONAL_SEQUENCE_LSTM; its states are variables that start as zeros."""
    operands = [""] * _OPERANDS
    operands[0] = place.node.inputs[0]
    x, y = place.inputs[0], place.output
    # Without an input gate of its own there are three.
    missing = len(_GATES) - op.gates
    for number, gate in enumerate(_GATES[missing:], start=missing):
        rows = slice((number - missing) * op.cells, (number - missing + 1) * op.cells)
        for first, what, weight in (
            (_INPUT_WEIGHTS, "weight", op.input_weight),
            (_RECURRENT_WEIGHTS, "recurrent", op.recurrent_weight),
            (_BIASES, "bias", op.bias),
        ):
            tensor = _part(place, weight, rows)
            operands[first + number] = place.add(f"{gate}_{what}", tensor)
    batch = x.shape[1 if op.time_major else 0]
    cell = None if y.quant is None else Quant(scale=(2.0**op.cell_exponent,), bits=16)
    operands[_OUTPUT_STATE] = place.add("output_state", _state(batch, op.cells, y.quant))
    operands[_CELL_STATE] = place.add("cell_state", _state(batch, op.cells, cell))
    inner: tuple[str, ...] = ()
    if y.quant is not None:
        unseen = replace(y, shape=(1,), quant=_GATE)
        gates = [place.temporary(f"{gate}_gate", unseen) for gate in _GATES]
        inner = (*gates, place.temporary("hidden", replace(y, shape=(1,))))
    place.draft.calls.append(
        Call(
            code="UNIDIRECTIONAL_SEQUENCE_LSTM",
            version=1,
            inputs=tuple(operands),
            outputs=place.node.outputs,
            table="UnidirectionalSequenceLSTMOptions",
            options={
                "FusedActivationFunction": _TANH,
                "CellClip": op.cell_clip,
                "TimeMajor": op.time_major,
            },
            intermediates=inner,
        )
    )


def _state(batch: int, cells: int, quant: Quant | None) -> Tensor:
    dtype = "float32" if quant is None else quant.dtype.name
    return Tensor(name="", shape=(batch, cells), dtype=dtype, quant=quant, is_variable=True)


def _part(place: Place, weight: Weight, rows: slice) -> Tensor:
    """Return one gate's rows; integers have one scale each.

    Raises:
        InterchangeError: They have several, or are not of the kind of the activations.
    """
    codes: Array = np.ascontiguousarray(weight.codes[rows])
    quant = weight.quant
    if (quant is None) != place.is_real:
        raise place.refusal("an LSTM takes integer weights beside integer activations, reals else")
    if quant is None:
        codes = codes.astype(np.float32)
        return Tensor(name="", shape=codes.shape, dtype="float32", values=codes)
    scales = set(quant.scale if quant.axis is None else quant.scale[rows])
    if len(scales) > 1 or not quant.is_symmetric:
        raise place.refusal(
            "integer weights of an LSTM have one scale per gate and zero point 0; quantize the "
            "float model again with granularity=tensor"
        )
    encoding = Quant(scale=(scales.pop(),), bits=quant.bits)
    return Tensor(name="", shape=codes.shape, dtype=codes.dtype.name, quant=encoding, values=codes)
