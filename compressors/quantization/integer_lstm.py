"""Write the weights of an LSTM as integers, as TensorFlow Lite's 8x8_16 kernel takes them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from compressors.quantization.scales import weight_scale
from hwsim.numerics import Quant

if TYPE_CHECKING:
    from hwsim.ops import Lstm
    from hwsim.tensor import Weight

_BIAS_BITS = 32
_BIAS_STEPS = 1 << 30


def integer_lstm(op: Lstm, input_scale: float, output: Quant, bits: int) -> Lstm:
    """Return `op` with one symmetric scale per gate and matrix, and an int32 bias.

    The cell state keeps the op's own power of two: it is no tensor, so its range is not observed.

    Args:
        op: Of floats.
        input_scale: Of its operand.
        output: Encoding of its result, which is its state too.
        bits: Of a weight.
    """
    bias = op.bias.real()
    smallest = np.abs(bias).reshape(op.gates, -1).max(axis=1) / (input_scale * _BIAS_STEPS)
    input_weight = _per_gate(op.input_weight, op.gates, bits, input_scale, smallest.tolist())
    none = [0.0] * op.gates
    recurrent = _per_gate(op.recurrent_weight, op.gates, bits, output.scale[0], none)
    scales = () if input_weight.quant is None else input_weight.quant.scale
    unit = Quant(
        scale=tuple(float(np.float32(input_scale * scale)) for scale in scales),
        zero_point=(0,) * len(scales),
        axis=0,
        bits=_BIAS_BITS,
    )
    return replace(
        op,
        input_weight=input_weight,
        recurrent_weight=recurrent,
        bias=replace(op.bias, codes=unit.encode(bias), quant=unit),
    )


def _per_gate(
    weight: Weight, gates: int, bits: int, operand_scale: float, smallest: list[float]
) -> Weight:
    """Return `weight` with max |w| / (2^(bits - 1) - 1) of each gate as the scale of its rows."""
    real = weight.real()
    largest = np.abs(real).reshape(gates, -1).max(axis=1) / ((1 << (bits - 1)) - 1)
    rows = len(real) // gates
    scales = [
        weight_scale(max(scale, least), operand_scale)
        for scale, least in zip(largest.tolist(), smallest, strict=True)
    ]
    quant = Quant(
        scale=tuple(scale for scale in scales for _ in range(rows)),
        zero_point=(0,) * len(real),
        axis=0,
        bits=bits,
    )
    return replace(weight, codes=quant.encode(real), quant=quant)
