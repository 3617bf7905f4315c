"""Models of one LSTM, drawn at random, in reals and in integers."""

from __future__ import annotations

import numpy as np

from hwsim.arrays import Array
from hwsim.numerics import Quant
from tests.oracle.single_ops import Case, Draw
from tests.oracle.tflite_writer import Call, Tensor, activation, constant, tflite_bytes

GATES = ("i", "f", "c", "o")
OPERANDS = 24


def lstm(draw: Draw, *, is_integer: bool) -> Case:
    batch, time = draw.integer(1, 2), draw.integer(1, 9)
    features, cells = draw.integer(1, 12), draw.integer(1, 10)
    is_time_major, is_coupled = bool(draw.integer(0, 1)), draw.integer(0, 3) == 0
    leading = (time, batch) if is_time_major else (batch, time)
    x, y = (draw.quant(0.02), _output(draw)) if is_integer else (None, None)
    cell = Quant(scale=(2.0 ** draw.integer(-15, -9),), bits=16) if is_integer else None
    tensors = [
        activation("x", (*leading, features), x),
        activation("y", (*leading, cells), y),
        _variable("output_state", (batch, cells), y),
        _variable("cell_state", (batch, cells), cell),
    ]
    operands = [""] * OPERANDS
    operands[0], operands[18], operands[19] = "x", "output_state", "cell_state"
    for place, gate in enumerate(GATES):
        if is_coupled and gate == "i":
            continue
        w = _weight(draw, f"w{gate}", (cells, features), x)
        tensors += [w, _weight(draw, f"r{gate}", (cells, cells), x), _bias(draw, gate, cells, x, w)]
        operands[1 + place], operands[5 + place] = f"w{gate}", f"r{gate}"
        operands[12 + place] = f"b{gate}"
    inner: tuple[str, ...] = ()
    if is_integer:
        inner = ("n0", "n1", "n2", "n3", "hidden")
        step = Quant(scale=(2.0**-12,), bits=16)
        tensors += [activation(name, (1,), step) for name in inner[:4]]
        tensors.append(activation("hidden", (1,), y))
    call = Call(
        code="UNIDIRECTIONAL_SEQUENCE_LSTM",
        inputs=tuple(operands),
        outputs=("y",),
        table="UnidirectionalSequenceLSTMOptions",
        options={
            "FusedActivationFunction": 4,
            "TimeMajor": is_time_major,
            "CellClip": 0.0 if draw.integer(0, 1) else 0.7,
        },
        intermediates=inner,
    )
    shape = (60, *leading, features)
    given = draw.codes(x, *shape) if x is not None else draw.rng.standard_normal(shape) * 2
    return Case(
        content=tflite_bytes(tensors, [call], ["x"], ["y"]),
        x=given if is_integer else given.astype(np.float32),
    )


def _output(draw: Draw) -> Quant:
    # Fine steps show the last bits of the cell state, and saturate elsewhere.
    about = float(draw.rng.choice([2.0**-7, 2.0**-10, 2.0**-13]))
    scale = about if draw.has_ties else float(np.float32(about * draw.rng.uniform(0.6, 1.2)))
    return Quant(scale=(scale,), zero_point=(draw.integer(-20, 20),))


def _variable(name: str, shape: tuple[int, ...], quant: Quant | None) -> Tensor:
    dtype = "float32" if quant is None else quant.dtype.name
    return Tensor(name=name, shape=shape, dtype=dtype, quant=quant, is_variable=True)


def _weight(draw: Draw, name: str, shape: tuple[int, ...], x: Quant | None) -> Tensor:
    if x is None:
        return constant(name, draw.rng.standard_normal(shape).astype(np.float32))
    codes: Array = draw.rng.integers(-127, 128, shape).astype(np.int8)
    return constant(name, codes, Quant(scale=(draw.scale(0.01),)))


def _bias(draw: Draw, gate: str, cells: int, x: Quant | None, w: Tensor) -> Tensor:
    if x is None or w.quant is None:
        return constant(f"b{gate}", draw.rng.standard_normal(cells).astype(np.float32))
    scale = float(np.float32(x.scale[0]) * np.float32(w.quant.scale[0]))
    codes = draw.rng.integers(-3000, 3000, cells).astype(np.int32)
    return constant(f"b{gate}", codes, Quant(scale=(scale,), bits=32))
