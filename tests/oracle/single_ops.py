"""Models of one op each, drawn at random; half of them with scales that make exact ties."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hwsim.arrays import Array
from hwsim.numerics import Quant
from tests.oracle.tflite_writer import (
    FUSED,
    PADDING,
    Call,
    Tensor,
    activation,
    constant,
    tflite_bytes,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A model and stacked inputs for it."""

    content: bytes
    x: Array


class Draw:
    """Random numbers of one case."""

    def __init__(self, seed: int, *, is_unsigned: bool = False) -> None:
        self.seed = seed
        self.rng = np.random.default_rng(seed)
        self.has_ties = seed % 2 == 0
        self.is_unsigned = is_unsigned
        # Small weights make a multiplier near 1/8, and so many ties.
        self.largest_weight = 7 if self.has_ties else 100

    @property
    def spread(self) -> float:
        """Standard deviation of the codes of a weight."""
        return self.largest_weight / 3**0.5

    def integer(self, low: int, high: int) -> int:
        """Return low..high, both included."""
        return int(self.rng.integers(low, high + 1))

    def channels(self, most: int) -> int:
        """Return 1..most, or up to 130 in one case of five: beyond any vector's lanes."""
        return self.integer(1, 130 if self.seed % 5 == 4 else most)

    def one_of(self, values: Sequence[str]) -> str:
        return values[self.integer(0, len(values) - 1)]

    def scale(self, about: float) -> float:
        """Return a float32 near `about`: a power of two in every other case."""
        if self.has_ties:
            return 2.0 ** round(math.log2(about))
        return float(np.float32(about * self.rng.uniform(0.6, 1.6)))

    def quant(self, about: float) -> Quant:
        """Return an 8-bit encoding per tensor."""
        low, high = (0, 255) if self.is_unsigned else (-128, 127)
        # A zero point at the low end is the usual one after a relu.
        end = high if self.seed % 3 == 0 else low
        zero = self.integer(low, high) if self.integer(0, 3) else end
        return Quant(scale=(self.scale(about),), zero_point=(zero,), signed=not self.is_unsigned)

    def fixed(self, scale: float, above_low: int = 0) -> Quant:
        """Return the encoding that TFLite prescribes: zero is `above_low` above the lowest code."""
        low = 0 if self.is_unsigned else -128
        return Quant(scale=(scale,), zero_point=(low + above_low,), signed=not self.is_unsigned)

    def codes(self, quant: Quant, *shape: int) -> Array:
        return self.rng.integers(quant.low, quant.high + 1, shape).astype(quant.dtype)

    def weights(self, channels: int, axis: int, *shape: int) -> tuple[Array, Quant]:
        """Return codes and their encoding, per channel in two cases of three."""
        if self.is_unsigned:
            zero = self.integer(100, 155)
            signed = self.rng.integers(-self.largest_weight, self.largest_weight + 1, shape)
            quant = Quant(scale=(self.scale(0.01),), zero_point=(zero,), signed=False)
            return (zero + signed).astype(np.uint8), quant
        largest = self.largest_weight
        codes = self.rng.integers(-largest, largest + 1, shape).astype(np.int8)
        if self.integer(0, 2) == 0:
            return codes, Quant(scale=(self.scale(0.01),))
        scales = tuple(self.scale(0.01) for _ in range(channels))
        return codes, Quant(scale=scales, zero_point=(0,) * channels, axis=axis)

    def bias(self, x: Quant, w: Quant, channels: int) -> tuple[Array, Quant]:
        scale = tuple(float(np.float32(x.scale[0]) * np.float32(s)) for s in w.scale)
        quant = Quant(
            scale=scale,
            zero_point=(0,) * len(scale),
            axis=None if w.axis is None else 0,
            bits=32,
        )
        largest = 60 * self.largest_weight
        return self.rng.integers(-largest, largest + 1, channels).astype(np.int32), quant


def _case(
    draw: Draw,
    tensors: Sequence[Tensor],
    calls: Sequence[Call],
    samples: int,
    x: Array | None = None,
) -> Case:
    source = tensors[0]
    if x is None:
        assert source.quant is not None
        x = draw.codes(source.quant, samples, *source.shape[1:])
    return Case(content=tflite_bytes(tensors, calls, [source.name], [calls[-1].outputs[0]]), x=x)


def conv(draw: Draw) -> Case:
    kernel, groups = draw.integer(1, 3), 1 if draw.integer(0, 3) else 2
    # Groups of one channel would be a depthwise convolution.
    channels, out = groups * max(groups, draw.channels(9)), groups * draw.channels(9)
    return _convolution(
        draw, channels, (out, kernel, kernel, channels // groups), is_depthwise=False
    )


def depthwise(draw: Draw) -> Case:
    kernel, channels = draw.integer(1, 4), 1 + draw.channels(11)
    multiplier = 1 if draw.integer(0, 2) else 2
    shape = (1, kernel, kernel, channels * multiplier)
    return _convolution(draw, channels, shape, is_depthwise=True)


def depthwise_of_one(draw: Draw) -> Case:
    """A single channel, which an ordinary convolution of one channel cannot be told from."""
    kernel, multiplier = draw.integer(1, 4), draw.channels(9)
    return _convolution(draw, 1, (1, kernel, kernel, multiplier), is_depthwise=True)


def _convolution(draw: Draw, channels: int, shape: tuple[int, ...], *, is_depthwise: bool) -> Case:
    height, width = draw.integer(7, 11), draw.integer(7, 11)
    kernel = shape[1]
    out = shape[3] if is_depthwise else shape[0]
    stride = draw.integer(1, 3)
    dilation = draw.integer(1, 2) if stride == 1 else 1
    padding = draw.one_of(list(PADDING))
    extents = [
        -(-n // stride) if padding == "same" else (n - (kernel - 1) * dilation - 1) // stride + 1
        for n in (height, width)
    ]
    x = draw.quant(0.03)
    codes, w = draw.weights(out, 3 if is_depthwise else 0, *shape)
    depth = kernel * kernel * (1 if is_depthwise else shape[3])
    y = draw.quant(0.03 * 0.01 * draw.spread * depth**0.5)
    options = {
        "Padding": PADDING[padding],
        "StrideW": stride,
        "StrideH": stride,
        "DilationWFactor": dilation,
        "DilationHFactor": dilation,
        "FusedActivationFunction": FUSED[draw.one_of(list(FUSED))],
    }
    if is_depthwise:
        options["DepthMultiplier"] = out // channels
    return _case(
        draw,
        [
            activation("x", (1, height, width, channels), x),
            constant("w", codes, w),
            constant("b", *draw.bias(x, w, out)),
            activation("y", (1, *extents, out), y),
        ],
        [
            Call(
                code="DEPTHWISE_CONV_2D" if is_depthwise else "CONV_2D",
                inputs=("x", "w", "b"),
                outputs=("y",),
                table="DepthwiseConv2DOptions" if is_depthwise else "Conv2DOptions",
                options=options,
            )
        ],
        samples=3,
    )


def linear(draw: Draw) -> Case:
    features, out = draw.channels(40), draw.channels(30)
    rows = 1 if draw.integer(0, 1) else draw.integer(2, 9)
    x, (codes, w) = draw.quant(0.03), draw.weights(out, 0, out, features)
    has_bias = draw.integer(0, 3) > 0
    tensors = [
        activation("x", (rows, features), x),
        constant("w", codes, w),
        activation("y", (rows, out), draw.quant(0.03 * 0.01 * draw.spread * features**0.5)),
    ]
    if has_bias:
        tensors.append(constant("b", *draw.bias(x, w, out)))
    call = Call(
        code="FULLY_CONNECTED",
        inputs=("x", "w", "b") if has_bias else ("x", "w"),
        outputs=("y",),
        table="FullyConnectedOptions",
        options={"FusedActivationFunction": FUSED[draw.one_of(list(FUSED))]},
    )
    return _case(draw, tensors, [call], 1, draw.codes(x, 10, rows, features))


def _pairwise(draw: Draw, code: str, table: str, about: float) -> Case:
    """All 65,536 pairs of codes: a column of 256 against a row of 256, in either order."""
    a, b, y = draw.quant(0.05), draw.quant(0.08), draw.quant(about)
    codes = np.arange(a.low, a.high + 1, dtype=a.dtype)
    flip = bool(draw.integer(0, 1))
    call = Call(
        code=code,
        inputs=("b", "x") if flip else ("x", "b"),
        outputs=("y",),
        table=table,
        options={"FusedActivationFunction": FUSED[draw.one_of(list(FUSED))]},
    )
    tensors = [
        activation("x", (1, 256, 1, 1), a),
        constant("b", codes.reshape(1, 1, 256, 1), b),
        activation("y", (1, 256, 256, 1), y),
    ]
    return _case(draw, tensors, [call], 1, codes.reshape(1, 256, 1, 1))


def add(draw: Draw) -> Case:
    return _pairwise(draw, "ADD", "AddOptions", 0.1)


def mul(draw: Draw) -> Case:
    return _pairwise(draw, "MUL", "MulOptions", 0.05 * 0.08 * 100)


def add_self(draw: Draw) -> Case:
    """Both operands computed: x and x in another shape; and no operand is constant."""
    x, y = draw.quant(0.05), draw.quant(0.1)
    calls = [
        Call(code="RESHAPE", inputs=("x", "shape"), outputs=("turned",), table="ReshapeOptions"),
        Call(code="ADD", inputs=("x", "turned"), outputs=("y",), table="AddOptions"),
    ]
    tensors = [
        activation("x", (1, 256, 1, 1), x),
        constant("shape", np.array([1, 1, 256, 1], np.int32)),
        activation("turned", (1, 1, 256, 1), x),
        activation("y", (1, 256, 256, 1), y),
    ]
    codes = np.arange(x.low, x.high + 1, dtype=x.dtype)
    return _case(draw, tensors, calls, 1, codes.reshape(1, 256, 1, 1))


def _pool(draw: Draw, code: str) -> Case:
    height, width, channels = draw.integer(4, 9), draw.integer(4, 9), draw.integer(1, 20)
    kernel, stride = draw.integer(1, 4), draw.integer(1, 3)
    padding = draw.one_of(list(PADDING))
    extents = [
        -(-n // stride) if padding == "same" else (n - kernel) // stride + 1
        for n in (height, width)
    ]
    quant = draw.quant(0.05)
    call = Call(
        code=code,
        inputs=("x",),
        outputs=("y",),
        table="Pool2DOptions",
        options={
            "Padding": PADDING[padding],
            "StrideW": stride,
            "StrideH": stride,
            "FilterWidth": kernel,
            "FilterHeight": kernel,
            "FusedActivationFunction": FUSED[draw.one_of(list(FUSED))],
        },
    )
    tensors = [
        activation("x", (1, height, width, channels), quant),
        activation("y", (1, *extents, channels), quant),
    ]
    return _case(draw, tensors, [call], samples=3)


def average_pool(draw: Draw) -> Case:
    return _pool(draw, "AVERAGE_POOL_2D")


def max_pool(draw: Draw) -> Case:
    return _pool(draw, "MAX_POOL_2D")


def softmax(draw: Draw, samples: int = 40) -> Case:
    classes = draw.integer(2, 20)
    beta = float(np.float32(draw.rng.choice([1.0, 0.5, 1.7])))
    call = Call(
        code="SOFTMAX",
        inputs=("x",),
        outputs=("y",),
        table="SoftmaxOptions",
        options={"Beta": beta},
    )
    x, y = draw.quant(float(draw.rng.choice([0.003, 0.05, 0.4]))), draw.fixed(1 / 256)
    tensors = [activation("x", (1, classes), x), activation("y", (1, classes), y)]
    return _case(draw, tensors, [call], samples)


def _unary(draw: Draw, code: str, x: Quant | None, y: Quant | None, table: str = "") -> Case:
    """All codes at once; reals where `x` is None."""
    call = Call(code=code, inputs=("x",), outputs=("y",), table=table)
    tensors = [activation("x", (1, 256), x), activation("y", (1, 256), y)]
    if x is None:
        assert y is not None
        halves = draw.rng.integers(-300, 300, (10, 256)) * (0.5 * y.scale[0])
        near = halves * (1 + draw.rng.integers(-2, 3, halves.shape) * 6e-8)
        return _case(draw, tensors, [call], 1, near.astype(np.float32))
    codes = np.arange(x.low, x.high + 1, dtype=x.dtype)
    return _case(draw, tensors, [call], 1, codes.reshape(1, 256))


def logistic(draw: Draw) -> Case:
    about = float(draw.rng.choice([0.01, 0.05, 0.2]))
    return _unary(draw, "LOGISTIC", draw.quant(about), draw.fixed(1 / 256))


def tanh(draw: Draw) -> Case:
    about = float(draw.rng.choice([0.01, 0.05, 0.2]))
    return _unary(draw, "TANH", draw.quant(about), draw.fixed(1 / 128, 128))


def relu(draw: Draw) -> Case:
    return _unary(draw, "RELU", draw.quant(0.05), draw.quant(0.1))


def relu6(draw: Draw) -> Case:
    return _unary(draw, "RELU6", draw.quant(0.05), draw.quant(0.1))


def requantize(draw: Draw) -> Case:
    return _unary(draw, "QUANTIZE", draw.quant(0.05), draw.quant(0.08), "QuantizeOptions")


def quantize(draw: Draw) -> Case:
    return _unary(draw, "QUANTIZE", None, draw.quant(0.05), "QuantizeOptions")


def dequantize(draw: Draw) -> Case:
    return _unary(draw, "DEQUANTIZE", draw.quant(0.05), None, "DequantizeOptions")


def pad(draw: Draw) -> Case:
    quant = draw.quant(0.05)
    pairs = np.array([(0, 0), *draw.rng.integers(0, 3, (3, 2)).tolist()], np.int32)
    shape = (1, draw.integer(2, 5), draw.integer(2, 5), draw.integer(1, 4))
    grown = tuple(int(n + sum(pair)) for n, pair in zip(shape, pairs, strict=True))
    tensors = [
        activation("x", shape, quant),
        constant("pairs", pairs),
        activation("y", grown, quant),
    ]
    call = Call(code="PAD", inputs=("x", "pairs"), outputs=("y",), table="PadOptions")
    return _case(draw, tensors, [call], samples=3)


def concat(draw: Draw) -> Case:
    """x beside itself in another encoding and beside a constant."""
    quant, shape = draw.quant(0.05), (1, 3, 4, draw.integer(1, 5))
    tensors = [
        activation("x", shape, quant),
        constant("c", draw.codes(quant, *shape[:3], 2), quant),
        activation("y", (*shape[:3], 2 * shape[3] + 2), quant),
    ]
    call = Call(
        code="CONCATENATION",
        inputs=("x", "c", "x"),
        outputs=("y",),
        table="ConcatenationOptions",
        options={"Axis": 3 if draw.integer(0, 1) else -1},
    )
    return _case(draw, tensors, [call], samples=3)


def transpose(draw: Draw) -> Case:
    quant, shape = draw.quant(0.05), tuple(draw.integer(1, 5) for _ in range(3))
    axes = [0, *(1 + draw.rng.permutation(3)).tolist()]
    tensors = [
        activation("x", (1, *shape), quant),
        constant("axes", np.array(axes, np.int32)),
        activation("y", tuple((1, *shape)[axis] for axis in axes), quant),
    ]
    call = Call(code="TRANSPOSE", inputs=("x", "axes"), outputs=("y",), table="TransposeOptions")
    return _case(draw, tensors, [call], samples=3)


def reshape(draw: Draw) -> Case:
    quant, (a, b) = draw.quant(0.05), (draw.integer(1, 6), draw.integer(1, 6))
    tensors = [
        activation("x", (1, a, b, 2), quant),
        constant("shape", np.array([1, 2 * a * b], np.int32)),
        activation("y", (1, 2 * a * b), quant),
    ]
    call = Call(code="RESHAPE", inputs=("x", "shape"), outputs=("y",), table="ReshapeOptions")
    return _case(draw, tensors, [call], samples=3)


def expand_dims(draw: Draw) -> Case:
    quant, (a, b) = draw.quant(0.05), (draw.integer(1, 6), draw.integer(1, 6))
    tensors = [
        activation("x", (1, a, b), quant),
        constant("axis", np.array([2], np.int32)),
        activation("y", (1, a, 1, b), quant),
    ]
    call = Call(code="EXPAND_DIMS", inputs=("x", "axis"), outputs=("y",), table="ExpandDimsOptions")
    return _case(draw, tensors, [call], samples=3)


def squeeze(draw: Draw) -> Case:
    quant, (a, b) = draw.quant(0.05), (draw.integer(2, 6), draw.integer(2, 6))
    tensors = [activation("x", (1, a, 1, b), quant), activation("y", (a, b), quant)]
    call = Call(code="SQUEEZE", inputs=("x",), outputs=("y",), table="SqueezeOptions")
    return _case(draw, tensors, [call], samples=3)


CASES: Final[tuple[Callable[[Draw], Case], ...]] = (
    add,
    add_self,
    average_pool,
    concat,
    conv,
    depthwise,
    depthwise_of_one,
    dequantize,
    expand_dims,
    linear,
    logistic,
    max_pool,
    mul,
    pad,
    quantize,
    relu,
    relu6,
    requantize,
    reshape,
    softmax,
    squeeze,
    tanh,
    transpose,
)
