"""Ops for ONNX Runtime, drawn at random: scales that make ties, and that nearly make them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from hwsim.numerics import Quant
from hwsim.ops import (
    Add,
    AveragePool2d,
    Concat,
    Conv2d,
    Elementary,
    Linear,
    MatMul,
    MaxPool2d,
    Mean,
    Mul,
    Quantize,
    ResizeBilinear,
    Softmax,
)
from hwsim.tensor import TensorType, Weight
from tests.cases import Case

FUSED: Final = ("none", "none", "relu", "relu6", "relu_n1_to_1")


class Draw:
    """Random numbers of one case."""

    def __init__(self, seed: int, *, signed: bool) -> None:
        self.rng = np.random.default_rng(seed)
        self.has_ties = seed % 2 == 0
        self.signed = signed
        # Small weights make a multiplier near 1/8, and so many ties.
        self.largest_weight = 7 if self.has_ties else 127

    def integer(self, low: int, high: int) -> int:
        """Return low..high, both included."""
        return int(self.rng.integers(low, high + 1))

    def scale(self, about: float) -> float:
        """Return a float32; in every other case a power of two, perhaps times 5/4 or 3/2.

        Half of those are off by up to 3 of the last bit: that is where the order of float32
        operations shows.
        """
        if not self.has_ties:
            return float(np.float32(about * self.rng.uniform(0.5, 2.0)))
        power = 2.0 ** (round(math.log2(about)) + self.integer(-1, 1))
        near = 1 + self.integer(0, 1) * self.integer(-3, 3) * 2.0**-23
        return float(np.float32(power * (1, 1, 1.25, 1.5)[self.integer(0, 3)] * near))

    def quant(self, about: float) -> Quant:
        """Return an 8-bit encoding per tensor; its zero point is often at an end."""
        low, high = (-128, 127) if self.signed else (0, 255)
        zero = (low, high, self.integer(low, high), self.integer(low, high))[self.integer(0, 3)]
        return Quant(scale=(self.scale(about),), zero_point=(zero,), signed=self.signed)

    def weight(self, *shape: int) -> Weight:
        """Return codes [out, ...], per tensor or per channel, sometimes unsigned."""
        largest, channels = self.largest_weight, shape[0]
        codes = self.rng.integers(-largest, largest + 1, shape)
        if self.integer(0, 3) == 0:
            zero = self.integer(largest, 255 - largest)
            quant = Quant(scale=(self.scale(0.01),), zero_point=(zero,), signed=False)
            return Weight(codes=(codes + zero).astype(np.uint8), quant=quant)
        count = channels if self.integer(0, 1) else 1
        quant = Quant(
            scale=tuple(self.scale(0.01) for _ in range(count)),
            zero_point=(0,) * count,
            axis=0 if count > 1 else None,
        )
        return Weight(codes=codes.astype(np.int8), quant=quant)

    def bias(self, x: Quant, weight: Weight) -> Weight | None:
        """Return int32 codes, or none in one case of four."""
        assert weight.quant is not None
        if self.integer(0, 3) == 0:
            return None
        scale = tuple(float(np.float32(x.scale[0] * s)) for s in weight.quant.scale)
        zeros, axis = (0,) * len(scale), weight.quant.axis
        largest = 60 * self.largest_weight
        codes = self.rng.integers(-largest, largest + 1, weight.shape[0]).astype(np.int32)
        return Weight(codes=codes, quant=Quant(scale=scale, zero_point=zeros, axis=axis, bits=32))

    def result(self, depth: int) -> Quant:
        """Return an encoding for sums of `depth` products of an input about 0.03."""
        return self.quant(0.03 * 0.01 * self.largest_weight * depth**0.5)

    def fused(self) -> Any:
        return FUSED[self.integer(0, len(FUSED) - 1)]


def _case(op: Any, shapes: tuple[tuple[int, ...], ...], x: tuple[Quant, ...], y: Quant) -> Case:
    inputs = tuple(TensorType(shape=s, quant=q) for s, q in zip(shapes, x, strict=True))
    return Case(op=op, inputs=inputs, quant=y, steps=0.0)


def conv(draw: Draw) -> Case:
    groups = 1 if draw.integer(0, 2) else draw.integer(2, 4)
    depth, rows = draw.integer(1, 130 // groups), draw.integer(1, 130 // groups)
    return _convolution(draw, groups, depth, rows)


def depthwise(draw: Draw) -> Case:
    return _convolution(draw, draw.integer(2, 130), 1, draw.integer(1, 2))


def _convolution(draw: Draw, groups: int, depth: int, rows: int) -> Case:
    kernel, stride = draw.integer(1, 3), draw.integer(1, 2)
    x, weight = draw.quant(0.03), draw.weight(groups * rows, kernel, kernel, depth)
    pads = [draw.integer(0, kernel - 1) for _ in range(4)]
    op = Conv2d(
        weight=weight,
        bias=draw.bias(x, weight),
        stride=(stride, stride),
        padding=((pads[0], pads[1]), (pads[2], pads[3])),
        dilation=(1, 1) if stride > 1 else (draw.integer(1, 2), 1),
        groups=groups,
        activation=draw.fused(),
    )
    shape = (1, draw.integer(5, 7), draw.integer(5, 7), groups * depth)
    return _case(op, (shape,), (x,), draw.result(kernel * kernel * depth))


def linear(draw: Draw) -> Case:
    features, x = draw.integer(1, 200), draw.quant(0.03)
    weight = draw.weight(draw.integer(1, 130), features)
    op = Linear(weight=weight, bias=draw.bias(x, weight), activation=draw.fused())
    shape = (draw.integer(1, 3), features) if draw.integer(0, 1) else (1, 4, features)
    return _case(op, (shape,), (x,), draw.result(features))


def matmul(draw: Draw) -> Case:
    rows, depth, columns = draw.integer(1, 20), draw.integer(1, 90), draw.integer(1, 70)
    turned, batch = bool(draw.integer(0, 1)), draw.integer(1, 3)
    right = (columns, depth) if turned else (depth, columns)
    scale = 1.0 if draw.integer(0, 1) else float(np.float32(depth**-0.5))
    y = draw.quant(0.03 * 0.03 * 70 * 70 * depth**0.5 * scale / 60)
    x = (draw.quant(0.03), draw.quant(0.03))
    op = MatMul(transpose_b=turned, scale=scale)
    return _case(op, ((batch, rows, depth), (batch, *right)), x, y)


_PAIRS = (
    ((256,), (256, 1)),
    ((256, 1), (1, 256)),
    ((1, 256, 1), (256, 1, 1)),
    ((1, 16, 16, 1), (1, 1, 1, 256)),
    ((1, 16, 16, 9), (1, 16, 16, 9)),
    ((9,), (1, 16, 16, 9)),
    ((1, 16, 16, 9), (1, 1, 1, 9)),
    ((1,), (256, 1)),
)


def _pairwise(draw: Draw, op: Any, about: float) -> Case:
    shapes = _PAIRS[draw.integer(0, len(_PAIRS) - 1)]
    return _case(op, shapes, (draw.quant(0.05), draw.quant(0.08)), draw.quant(about))


def add(draw: Draw) -> Case:
    return _pairwise(draw, Add(activation=draw.fused()), 0.1)


def mul(draw: Draw) -> Case:
    return _pairwise(draw, Mul(activation=draw.fused()), 0.3)


def average_pool(draw: Draw) -> Case:
    height, width = draw.integer(2, 8), draw.integer(2, 8)
    whole = draw.integer(0, 3) == 0
    kernel = (height, width) if whole else (draw.integer(1, 2), draw.integer(1, 2))
    pads = [0 if whole else draw.integer(0, kernel[i // 2] - 1) for i in range(4)]
    op = AveragePool2d(
        kernel=kernel,
        stride=(draw.integer(1, 2), draw.integer(1, 2)),
        padding=((pads[0], pads[1]), (pads[2], pads[3])),
        count_padding=bool(draw.integer(0, 1)),
        activation=draw.fused(),
    )
    x = draw.quant(0.05)
    y = x if draw.integer(0, 1) else draw.quant(0.05)
    return _case(op, ((1, height, width, draw.integer(1, 40)),), (x,), y)


def image_mean(draw: Draw) -> Case:
    shape = (1, draw.integer(1, 8), draw.integer(1, 8), draw.integer(1, 90))
    count, x = shape[1] * shape[2], draw.quant(0.05)
    # A whole number of halves to one step of the result: ties, but for the last bit.
    y = Quant(scale=(x.scale[0] * 2 / count,), zero_point=(draw.integer(0, 9),), signed=x.signed)
    y = y if draw.has_ties else draw.quant(0.02)
    y = Quant(scale=(float(np.float32(y.scale[0])),), zero_point=y.zero_point, signed=x.signed)
    return _case(Mean(axes=(1, 2), keep_axes=bool(draw.integer(0, 1))), (shape,), (x,), y)


def max_pool(draw: Draw) -> Case:
    x = draw.quant(0.05)
    op = MaxPool2d(kernel=(2, 3), stride=(1, 2), padding=((1, 0), (1, 2)), activation=draw.fused())
    y = x if draw.integer(0, 1) else draw.quant(0.05)
    return _case(op, ((1, 5, 6, draw.integer(1, 40)),), (x,), y)


def concat(draw: Draw) -> Case:
    quants = tuple(draw.quant(0.05) for _ in range(3))
    shapes = tuple((1, 5, 6, draw.integer(1, 20)) for _ in range(3))
    return _case(
        Concat(axis=3), shapes, quants, quants[0] if draw.integer(0, 1) else draw.quant(0.05)
    )


def softmax(draw: Draw) -> Case:
    x = draw.quant(float(draw.rng.choice([0.0003, 0.003, 0.05, 0.4, 2.0])))
    y = Quant(scale=(1 / 256,), zero_point=(-128 if draw.signed else 0,), signed=draw.signed)
    y = y if draw.integer(0, 2) else draw.quant(0.004)
    beta = 1.0 if draw.integer(0, 1) else 0.7
    return _case(Softmax(beta=beta), ((20, draw.integer(1, 40)),), (x,), y)


def requantize(draw: Draw) -> Case:
    return _case(Quantize(), ((1, 600),), (draw.quant(0.05),), draw.quant(0.08))


def bilinear(draw: Draw) -> Case:
    x, (height, width) = draw.quant(0.05), (draw.integer(1, 7), draw.integer(1, 7))
    twice = draw.integer(0, 1)
    size = (2 * height, 2 * width) if twice else (draw.integer(1, 9), draw.integer(1, 9))
    mode: Any = ("half_pixel", "asymmetric", "align_corners")[draw.integer(0, 2)]
    op = ResizeBilinear(size=size, positions=mode)
    return _case(op, ((1, height, width, draw.integer(1, 9)),), (x,), x)


def _function(name: Any, about: float) -> Callable[[Draw], Case]:
    def make(draw: Draw) -> Case:
        return _case(Elementary(function=name), ((2, 600),), (draw.quant(0.05),), draw.quant(about))

    make.__name__ = name
    return make


OPS: Final[tuple[Callable[[Draw], Case], ...]] = (
    add,
    average_pool,
    bilinear,
    concat,
    conv,
    depthwise,
    image_mean,
    linear,
    matmul,
    max_pool,
    mul,
    requantize,
    softmax,
    *(_function(name, 0.05) for name in ("relu", "relu6", "hard_swish", "gelu", "silu")),
    *(_function(name, 1 / 128) for name in ("logistic", "tanh", "hard_sigmoid")),
)
