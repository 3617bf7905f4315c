"""Models of one op with 16-bit activations and 8-bit weights, drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from hwsim.arrays import Array
from hwsim.numerics import Quant
from tests.oracle import single_ops
from tests.oracle.single_ops import Case, Draw
from tests.oracle.tflite_writer import FUSED, Call, activation, constant, tflite_bytes

# An 8-bit encoding's step as one of a 16-bit encoding of the same range.
STEPS: Final = 256


class WideDraw(Draw):
    """Encodings of 16 bits with zero point 0, biases of 64."""

    def quant(self, about: float) -> Quant:
        return Quant(scale=(self.scale(about / STEPS),), bits=16)

    def fixed(self, scale: float, above_low: int = 0) -> Quant:
        del scale, above_low
        return Quant(scale=(2.0**-15,), bits=16)

    def bias(self, x: Quant, w: Quant, channels: int) -> tuple[Array, Quant]:
        codes, quant = super().bias(x, w, channels)
        return codes.astype(np.int64) * STEPS, replace(quant, bits=64)


def narrow_conv(draw: Draw) -> Case:
    """A convolution of 1 x 1 whose bias has 32 bits, so that its sums have."""
    return _narrow(draw, "CONV_2D", "Conv2DOptions")


def narrow_linear(draw: Draw) -> Case:
    return _narrow(draw, "FULLY_CONNECTED", "FullyConnectedOptions")


def _narrow(draw: Draw, code: str, table: str) -> Case:
    features, out = draw.integer(1, 40), draw.integer(1, 30)
    leading = (1, 2, 3) if code == "CONV_2D" else (1,)
    shape = (out, 1, 1, features) if code == "CONV_2D" else (out, features)
    x, (codes, w) = draw.quant(0.03), draw.weights(out, 0, *shape)
    bias, b = draw.bias(x, w, out)
    options = {"FusedActivationFunction": FUSED[draw.one_of(list(FUSED))], "QuantizedBiasType": 2}
    if code == "CONV_2D":
        options |= {"Padding": 1, "StrideW": 1, "StrideH": 1}
        options |= {"DilationWFactor": 1, "DilationHFactor": 1}
    tensors = [
        activation("x", (*leading, features), x),
        constant("w", codes, w),
        constant("b", bias.astype(np.int32), replace(b, bits=32)),
        activation("y", (*leading, out), draw.quant(0.03 * 0.01 * draw.spread * features**0.5)),
    ]
    call = Call(code=code, inputs=("x", "w", "b"), outputs=("y",), table=table, options={**options})
    given = draw.codes(x, 30, *leading[1:], features)
    return Case(content=tflite_bytes(tensors, [call], ["x"], ["y"]), x=given)


def _pairwise(draw: Draw, code: str, table: str, about: float, *, is_pot: bool) -> Case:
    """Random pairs, and those of the smallest and largest codes."""
    a, b, y = draw.quant(0.05), draw.quant(0.08), draw.quant(about)
    ends = np.array([-32768, -32767, -1, 0, 1, 32767], np.int16)
    left = np.append(draw.codes(a, 250), ends).reshape(1, 256, 1, 1)
    right = np.append(draw.codes(b, 58), ends).reshape(1, 1, 64, 1)
    flip = bool(draw.integer(0, 1))
    options: dict[str, int | float | bool] = {
        "FusedActivationFunction": FUSED[draw.one_of(list(FUSED))]
    }
    if is_pot:
        options["PotScaleInt16"] = False
    call = Call(
        code=code,
        inputs=("b", "x") if flip else ("x", "b"),
        outputs=("y",),
        table=table,
        options=options,
    )
    tensors = [
        activation("x", (1, 256, 1, 1), a),
        constant("b", right, b),
        activation("y", (1, 256, 64, 1), y),
    ]
    return Case(content=tflite_bytes(tensors, [call], ["x"], ["y"]), x=left)


def add(draw: Draw) -> Case:
    return _pairwise(draw, "ADD", "AddOptions", 0.1, is_pot=True)


def sub(draw: Draw) -> Case:
    return _pairwise(draw, "SUB", "SubOptions", 0.1, is_pot=True)


def mul(draw: Draw) -> Case:
    return _pairwise(draw, "MUL", "MulOptions", 0.05 * 0.08 * 100, is_pot=False)


def _unary(draw: Draw, code: str, x: Quant | None, y: Quant | None, table: str = "") -> Case:
    """All codes at once; reals where `x` is None, and no whole number of vectors of them."""
    call = Call(code=code, inputs=("x",), outputs=("y",), table=table)
    count = 65533 if x is None else 65536
    tensors = [activation("x", (1, count), x), activation("y", (1, count), y)]
    content = tflite_bytes(tensors, [call], ["x"], ["y"])
    if x is None:
        assert y is not None
        halves = draw.rng.integers(-70000, 70000, (1, count)) * (0.5 * y.scale[0])
        near = halves * (1 + draw.rng.integers(-2, 3, halves.shape) * 6e-8)
        return Case(content=content, x=near.astype(np.float32))
    codes = np.resize(np.arange(x.low, x.high + 1, dtype=x.dtype), (1, count))
    return Case(content=content, x=codes)


def logistic(draw: Draw) -> Case:
    return _unary(draw, "LOGISTIC", _argument(draw), draw.fixed(1))


def tanh(draw: Draw) -> Case:
    return _unary(draw, "TANH", _argument(draw), draw.fixed(1))


def _argument(draw: Draw) -> Quant:
    """Scales of 2^-12 and 2^-11 have arithmetic of their own."""
    exponent = draw.integer(-17, -9)
    if draw.has_ties:
        return Quant(scale=(2.0**exponent,), bits=16)
    return Quant(scale=(draw.scale(2.0**exponent),), bits=16)


def relu(draw: Draw) -> Case:
    return _unary(draw, "RELU", draw.quant(0.05), draw.quant(0.1))


def relu6(draw: Draw) -> Case:
    return _unary(draw, "RELU6", draw.quant(0.05), draw.quant(0.1))


def requantize(draw: Draw) -> Case:
    return _unary(draw, "QUANTIZE", draw.quant(0.05), draw.quant(0.08), "QuantizeOptions")


def narrow(draw: Draw) -> Case:
    eight = Draw(draw.integer(0, 1 << 20)).quant(0.08)
    return _unary(draw, "QUANTIZE", draw.quant(0.05), eight, "QuantizeOptions")


def widen(draw: Draw) -> Case:
    eight = Draw(draw.integer(0, 1 << 20)).quant(0.08)
    return _unary(draw, "QUANTIZE", eight, draw.quant(0.05), "QuantizeOptions")


def quantize(draw: Draw) -> Case:
    return _unary(draw, "QUANTIZE", None, draw.quant(0.05), "QuantizeOptions")


def dequantize(draw: Draw) -> Case:
    return _unary(draw, "DEQUANTIZE", draw.quant(0.05), None, "DequantizeOptions")


CASES: Final[tuple[Callable[[Draw], Case], ...]] = (
    add,
    single_ops.average_pool,
    single_ops.concat,
    single_ops.conv,
    single_ops.depthwise,
    dequantize,
    single_ops.linear,
    logistic,
    single_ops.max_pool,
    mul,
    narrow,
    narrow_conv,
    narrow_linear,
    single_ops.pad,
    quantize,
    relu,
    relu6,
    requantize,
    single_ops.reshape,
    single_ops.softmax,
    sub,
    tanh,
    single_ops.transpose,
    widen,
)
