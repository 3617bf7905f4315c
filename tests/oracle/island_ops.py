"""Models that go from codes to reals and back: int8 layers around an island of float32 ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from hwsim.arrays import Array
from hwsim.numerics import Quant
from tests.oracle.single_ops import Case, Draw
from tests.oracle.tflite_writer import FUSED, PADDING, Call, activation, constant, tflite_bytes

FEATURES: Final = 12


def _between(draw: Draw, inner: list[Call], reals: dict[str, Array], out: int = FEATURES) -> Case:
    """A fully connected layer, `inner` from tensor `real` to `back`, and another layer."""
    x, a = draw.quant(0.03), draw.quant(0.04)
    b, y = draw.quant(0.03), draw.quant(0.05)
    first, w1 = draw.weights(FEATURES, 0, FEATURES, FEATURES)
    last, w2 = draw.weights(5, 0, 5, out)
    made = sorted({name for call in inner for name in call.outputs} | {"real"})
    shapes = {name: (1, out if name == "back" else FEATURES) for name in made}
    tensors = [
        activation("x", (1, FEATURES), x),
        constant("w1", first, w1),
        constant("b1", *draw.bias(x, w1, FEATURES)),
        activation("a", (1, FEATURES), a),
        activation("b", (1, out), b),
        constant("w2", last, w2),
        constant("b2", *draw.bias(b, w2, 5)),
        activation("y", (1, 5), y),
        *(activation(name, shapes[name]) for name in made),
        *(constant(name, values) for name, values in reals.items()),
    ]
    calls = [
        _layer(("x", "w1", "b1"), "a"),
        Call(code="DEQUANTIZE", inputs=("a",), outputs=("real",), table="DequantizeOptions"),
        *inner,
        Call(code="QUANTIZE", inputs=("back",), outputs=("b",), table="QuantizeOptions"),
        _layer(("b", "w2", "b2"), "y"),
    ]
    return Case(content=tflite_bytes(tensors, calls, ["x"], ["y"]), x=draw.codes(x, 40, FEATURES))


def _layer(operands: tuple[str, ...], result: str) -> Call:
    return Call(
        code="FULLY_CONNECTED",
        inputs=operands,
        outputs=(result,),
        table="FullyConnectedOptions",
        options={"FusedActivationFunction": FUSED["none"]},
    )


def nothing(draw: Draw) -> Case:
    """Codes to reals and back, with a relu between."""
    call = Call(code="RELU", inputs=("real",), outputs=("back",))
    return _between(draw, [call], {})


def arithmetic(draw: Draw) -> Case:
    """(real * gain + offset) * real, each rounded to float32."""
    values = draw.rng.standard_normal((2, 1, FEATURES)).astype(np.float32)
    calls = [
        Call(code="MUL", inputs=("real", "gain"), outputs=("m",), table="MulOptions"),
        Call(code="ADD", inputs=("m", "offset"), outputs=("n",), table="AddOptions"),
        Call(code="MUL", inputs=("n", "real"), outputs=("back",), table="MulOptions"),
    ]
    return _between(draw, calls, {"gain": values[0], "offset": values[1]})


def product(draw: Draw) -> Case:
    """A fully connected layer of reals: sums of float32 in an order of the runtime's own."""
    weight = draw.rng.standard_normal((7, FEATURES)).astype(np.float32)
    calls = [
        Call(
            code="FULLY_CONNECTED",
            inputs=("real", "w", "none"),
            outputs=("back",),
            table="FullyConnectedOptions",
            options={"FusedActivationFunction": FUSED["relu"]},
        )
    ]
    return _between(draw, calls, {"w": weight, "none": np.zeros(7, np.float32)}, out=7)


def softmax(draw: Draw) -> Case:
    call = Call(
        code="SOFTMAX",
        inputs=("real",),
        outputs=("back",),
        table="SoftmaxOptions",
        options={"Beta": 1.0},
    )
    return _between(draw, [call], {})


def floating_input(draw: Draw) -> Case:
    """Reals that are quantized, convolved in integers, and dequantized: a converter's default."""
    x, y = draw.quant(0.03), draw.quant(0.06)
    codes, w = draw.weights(4, 0, 4, 3, 3, 2)
    options = {"Padding": PADDING["same"], "StrideW": 1, "StrideH": 1}
    options |= {"DilationWFactor": 1, "DilationHFactor": 1}
    tensors = [
        activation("real", (1, 6, 5, 2)),
        activation("x", (1, 6, 5, 2), x),
        constant("w", codes, w),
        constant("b", *draw.bias(x, w, 4)),
        activation("y", (1, 6, 5, 4), y),
        activation("out", (1, 6, 5, 4)),
    ]
    calls = [
        Call(code="QUANTIZE", inputs=("real",), outputs=("x",), table="QuantizeOptions"),
        Call(
            code="CONV_2D",
            inputs=("x", "w", "b"),
            outputs=("y",),
            table="Conv2DOptions",
            options={**options},
        ),
        Call(code="DEQUANTIZE", inputs=("y",), outputs=("out",), table="DequantizeOptions"),
    ]
    steps = Quant(scale=x.scale, zero_point=x.zero_point, signed=x.signed)
    given = steps.decode(draw.codes(x, 20, 6, 5, 2)) + draw.rng.normal(0, 0.01, (20, 6, 5, 2))
    return Case(content=tflite_bytes(tensors, calls, ["real"], ["out"]), x=given.astype(np.float32))


EXACT: Final[tuple[Callable[[Draw], Case], ...]] = (nothing, arithmetic, floating_input)
"""What is computed step by step in float32 has one result only."""

NEAR: Final[tuple[Callable[[Draw], Case], ...]] = (product, softmax)
"""Sums and exponentials of float32 differ in their last bits, and so a code now and then."""
