"""Every op kind at a place of its own: what the laws of ops run over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hwsim.arrays import Array, FloatArray, Shape
from hwsim.numerics import Numerics, Quant
from hwsim.op import Op, Site
from hwsim.ops import (
    Add,
    AveragePool2d,
    BatchNorm,
    Binary,
    Concat,
    Constant,
    Conv2d,
    Conv2dTranspose,
    Dequantize,
    Elementary,
    Gather,
    LayerNorm,
    LeakyRelu,
    Linear,
    LogSoftmax,
    Lstm,
    MatMul,
    Maximum,
    MaxPool2d,
    Mean,
    Minimum,
    Mul,
    Pad,
    PRelu,
    Quantize,
    ReduceMax,
    ReduceMin,
    Reshape,
    ResizeBilinear,
    ResizeNearest,
    RmsNorm,
    Slice,
    Softmax,
    Sub,
    Sum,
    Tile,
    Transpose,
)
from hwsim.ops.elementary import CLAMPS, FUNCTIONS
from hwsim.tensor import TensorType, Weight

A = Quant(scale=(0.03125,), zero_point=(3,))
B = Quant(scale=(0.0417,), zero_point=(-128,))
C = Quant(scale=(0.071,), zero_point=(-9,))
UNSIGNED = Quant(scale=(0.05,), zero_point=(120,), signed=False)
WIDE = Quant(scale=(0.0003,), bits=16)
UNSIGNED_SLOPES = Quant(scale=(0.01,), zero_point=(-7,))
LOG_PROBABILITY = Quant(scale=(1 / 16,), zero_point=(127,))
PROBABILITY = Quant(scale=(1 / 256,), zero_point=(-128,))

# Errors in steps of the output, each derived where the op rounds; see numerics/test_rounding.py.
EXACT = 0.0
ENCODED = 0.5 + 1e-6  # computed in reals, then encoded
# XNNPACK's multipliers have 8 fractional bits: off by 2^-9, times codes below 2^8.
RECODED = 1.0
# A half, and positions of 10 bits in two directions, off by half a bit each per output pixel: at
# most 12 of them in these cases, times differences of up to 255 codes.
INTERPOLATED = 0.5 + 2 * 12 * 2**-11 * 255
TABLED = 0.5 + 1e-3  # as a product of two float32, each off by 2^-24 of at most 2^13 steps
# As requantized, and of operands of 7 more bits: off by a bit, 2^-7 * 0.09, times 2 |a - b|; what
# is not clipped has |a - b| < 3.5, in steps of 0.07.
SQUARED = 0.75 + 2 * 3.5 * 2**-7 * 0.09 / 0.07
CUT = 1.0 + 1e-3  # towards zero
REQUANTIZED = 0.75 + 1e-3  # 1/2 of the last rounding, 1/4 of gemmlowp's first


@dataclass(frozen=True, kw_only=True)
class Case:
    """An op between types.

    Attributes:
        op: With integer weights where they are.
        inputs: Types of the operands.
        quant: Of every result; None for float32.
        steps: How far codes may lie from the quantized reference, in steps of `quant`.
        is_integer: Whether there is an integer form.
    """

    op: Op
    inputs: tuple[TensorType, ...]
    quant: Quant | None
    steps: float
    is_integer: bool = True

    @property
    def shapes(self) -> tuple[Shape, ...]:
        return tuple(type_.shape for type_ in self.inputs)

    @property
    def outputs(self) -> tuple[TensorType, ...]:
        return tuple(TensorType(shape=s, quant=self.quant) for s in self.op.infer(*self.shapes))

    def site(self, numerics: Numerics) -> Site:
        return Site(name="net/op", inputs=self.inputs, outputs=self.outputs, numerics=numerics)

    def samples(self, count: int, seed: int = 0) -> tuple[Array, ...]:
        """Return random operands: codes of the whole range, or reals."""
        rng = np.random.default_rng(seed)
        return tuple(_random(rng, type_, count) for type_ in self.inputs)

    def reals(self, operands: Sequence[Array]) -> tuple[FloatArray, ...]:
        """Return what the operands mean."""
        pairs = zip(self.inputs, operands, strict=True)
        return tuple(x if t.quant is None else t.quant.decode(x) for t, x in pairs)


def _random(rng: np.random.Generator, type_: TensorType, count: int) -> Array:
    shape, quant = (count, *type_.shape), type_.quant
    if quant is None:
        return rng.standard_normal(shape)
    return rng.integers(quant.low, quant.high + 1, shape).astype(quant.dtype)


def integer_weight(*shape: int, bits: int = 8, axis: int | None = 0, seed: int = 0) -> Weight:
    """Return symmetric codes, per output channel or per tensor."""
    rng = np.random.default_rng(seed)
    channels = shape[0] if axis == 0 else 1
    scale = tuple(float(s) for s in rng.uniform(0.01, 0.03, channels).astype(np.float32))
    quant = Quant(scale=scale, zero_point=(0,) * channels, axis=axis, bits=bits)
    codes = rng.integers(quant.low + 1, quant.high + 1, shape).astype(quant.dtype)
    return Weight(codes=codes, quant=quant)


def bias_of(weight: Weight, x: Quant | None, seed: int = 1) -> Weight:
    """Return int32 codes in units of the accumulators, or reals where the input is real."""
    assert weight.quant is not None
    rng, out = np.random.default_rng(seed), weight.shape[0]
    if x is None:
        return float_weight(out, seed=seed)
    scale = tuple(x.scale[0] * s for s in weight.quant.scale)
    quant = replace(weight.quant, scale=scale, bits=32)
    return Weight(codes=rng.integers(-2000, 2000, out).astype(np.int32), quant=quant)


def float_weight(*shape: int, low: float = -1.0, seed: int = 0) -> Weight:
    rng = np.random.default_rng(seed)
    return Weight(codes=rng.uniform(low, 1.0, shape).astype(np.float32))


def conv(*shape: int, x: Quant | None = A, bits: int = 8, axis: int | None = 0, **s: Any) -> Conv2d:
    weight = integer_weight(*shape, bits=bits, axis=axis)
    return Conv2d(weight=weight, bias=bias_of(weight, x), **s)


def conv_transpose(*shape: int, x: Quant = A, **s: Any) -> Conv2dTranspose:
    weight = integer_weight(*shape)
    return Conv2dTranspose(weight=weight, bias=bias_of(weight, x), **s)


def linear(
    *shape: int, x: Quant | None = A, bits: int = 8, axis: int | None = 0, **s: Any
) -> Linear:
    weight = integer_weight(*shape, bits=bits, axis=axis)
    return Linear(weight=weight, bias=bias_of(weight, x), **s)


def case(
    op: Op,
    *shapes: Shape,
    x: Quant | tuple[Quant | None, ...] | None = A,
    y: Quant | None = C,
    steps: float = REQUANTIZED,
    is_integer: bool = True,
) -> Case:
    """Return `op` for operands of these shapes, all encoded as `x` or each as its own."""
    quants = x if isinstance(x, tuple) else (x,) * len(shapes)
    inputs = tuple(TensorType(shape=s, quant=q) for s, q in zip(shapes, quants, strict=True))
    return Case(op=op, inputs=inputs, quant=y, steps=steps, is_integer=is_integer)


def dynamic_steps(op: Conv2d | Linear, y: float) -> float:
    """Return the error bound of a dynamic layer in units of `y`, for |x| < 6.

    A real input is off by half a step of its own scale, and by half a step more where the zero
    point was rounded; a step is at most 2 * 6 / 255 (symmetric: 6 / 127). Errors add up over the
    row of weights that is largest; float32 loses less than the 1 % added.
    """
    rows = np.abs(op.weight.real()).reshape(op.weight.shape[0], -1).sum(axis=1)
    return 1.01 * float(rows.max()) * 12 / 255 / y


ONES = ((1, 1), (1, 1))
UNEVEN = ((0, 1), (2, 1))
IMAGE = (1, 5, 6, 4)
SMALL = (1, 3, 4, 6)

CASES: dict[str, Case] = {
    "add": case(Add(), IMAGE, IMAGE, x=(A, B)),
    "add_broadcast": case(Add(activation="relu"), IMAGE, (4,), x=(B, A)),
    "add_scalar": case(Add(activation="relu6"), (1, 5), (1, 1), x=UNSIGNED, y=UNSIGNED),
    # XNNPACK's 20-bit multipliers, each off by half, times 16-bit codes: 1/32 step each.
    "add_16_bits": case(
        Add(), (1, 700), (1, 700), x=WIDE, y=replace(WIDE, scale=(7e-4,)), steps=0.9
    ),
    # Halves go away from zero: the mean of codes is rounded once.
    "average_pool": case(
        AveragePool2d(kernel=(2, 3), stride=(1, 2), padding=UNEVEN),
        IMAGE, y=A, steps=ENCODED,
    ),
    "average_pool_of_zeros": case(
        AveragePool2d(
            kernel=(3, 3), stride=(2, 1), padding=ONES, count_padding=True, activation="relu"
        ),
        IMAGE, y=A, steps=ENCODED,
    ),
    "average_pool_unsigned": case(
        AveragePool2d(kernel=(2, 2), stride=(2, 2)), IMAGE, x=UNSIGNED, y=UNSIGNED, steps=ENCODED
    ),
    "average_pool_recoded": case(AveragePool2d(kernel=(2, 2), stride=(2, 2)), IMAGE, steps=ENCODED),
    "batch_norm": case(
        BatchNorm(
            gamma=float_weight(4), beta=float_weight(4, seed=1), mean=float_weight(4, seed=2),
            variance=float_weight(4, low=0.5),
        ),
        IMAGE, is_integer=False,
    ),
    "batch_norm_rows": case(
        BatchNorm(
            gamma=float_weight(7), beta=float_weight(7), mean=float_weight(7),
            variance=float_weight(7, low=0.5), epsilon=0.1,
        ),
        (2, 7), is_integer=False,
    ),
    "binary_div": case(Binary(function="div"), (2, 300), (2, 300), x=(A, B), steps=ENCODED),
    "binary_pow": case(Binary(function="pow"), (1, 2, 9), (1, 9), x=(B, A), steps=ENCODED),
    "binary_squared_difference": case(
        Binary(function="squared_difference"), IMAGE, (4,), x=(A, B), steps=SQUARED
    ),
    "concat": case(Concat(axis=-1), IMAGE, (1, 5, 6, 1), y=A, steps=EXACT),
    "concat_rows": case(Concat(axis=1), (1, 2, 3), (1, 1, 3), (1, 4, 3), y=A, steps=EXACT),
    "concat_recoded": case(Concat(axis=0), (2, 3), (1, 3), x=(A, B), steps=ENCODED),
    "constant": case(Constant(value=replace(integer_weight(4, axis=None), quant=C)), steps=EXACT),
    "constant_rows": case(
        Constant(value=replace(integer_weight(1, 5, 4, axis=None), quant=A)), y=A, steps=EXACT
    ),
    "conv": case(conv(3, 3, 2, 4, stride=(2, 1), padding=UNEVEN), IMAGE),
    "conv_relu6": case(conv(3, 3, 3, 4, dilation=(2, 1), padding=ONES, activation="relu6"), IMAGE),
    "conv_pointwise": case(conv(5, 1, 1, 4, axis=None, x=B), IMAGE, x=B),
    "conv_4_bits": case(conv(4, 2, 2, 4, bits=4), IMAGE, y=A),
    "conv_grouped": case(conv(6, 3, 3, 2, groups=3, padding=ONES), SMALL),
    "conv_depthwise": case(conv(6, 3, 3, 1, groups=6, padding=ONES, activation="relu"), SMALL),
    "conv_multiplied": case(conv(12, 2, 3, 1, groups=6, stride=(1, 2), padding=ONES), SMALL),
    "conv_unsigned": case(conv(3, 2, 2, 4, x=UNSIGNED), IMAGE, x=UNSIGNED, y=UNSIGNED),
    "conv_transpose": case(
        conv_transpose(3, 3, 3, 4, stride=(2, 1), padding=UNEVEN), IMAGE
    ),
    "conv_transpose_grouped": case(
        conv_transpose(6, 2, 3, 2, stride=(2, 2), extra=(1, 0), groups=3, activation="relu"),
        SMALL,
    ),
    "conv_transpose_dilated": case(
        conv_transpose(2, 2, 3, 4, dilation=(3, 2), padding=((2, 4), (5, 0))), IMAGE
    ),
    "dequantize": case(Dequantize(), IMAGE, y=None, steps=EXACT),
    # In float32, 2^-24 of reals below 7.
    "dequantize_unsigned": case(Dequantize(), (2, 3), x=UNSIGNED, y=None, steps=1e-6),
    **{
        f"elementary_{name}": case(
            Elementary(function=name), (2, 300),
            x=B if name in ("log", "rsqrt", "sqrt") else A,
            steps=REQUANTIZED if name in CLAMPS else CUT if name == "sqrt" else TABLED,
        )
        for name in FUNCTIONS
    },
    # In float32, of 16 bits: a step of 2^-24 of at most 2^15 steps.
    "elementary_16_bits": case(
        Elementary(function="tanh"), (2, 300), x=WIDE, y=WIDE, steps=0.51
    ),
    "gather": case(Gather(axis=2, indices=(4, 0, 4)), IMAGE, y=A, steps=EXACT),
    "gather_rows": case(Gather(axis=0, indices=(1,)), (2, 3), y=A, steps=EXACT),
    "gather_recoded": case(Gather(axis=1, indices=(2, 1)), (2, 3), steps=ENCODED),
    "layer_norm": case(
        LayerNorm(gamma=float_weight(4), beta=float_weight(4, seed=1)), IMAGE, steps=ENCODED
    ),
    "layer_norm_rows": case(
        LayerNorm(gamma=float_weight(7), beta=float_weight(7), epsilon=0.1), (2, 7), steps=ENCODED
    ),
    "leaky_relu": case(LeakyRelu(alpha=0.1), (2, 300), steps=RECODED),
    "leaky_relu_falling": case(LeakyRelu(alpha=-0.5), (2, 300), x=UNSIGNED, steps=RECODED),
    "linear": case(linear(5, 7), (1, 7)),
    "linear_rows": case(linear(5, 4, axis=None, x=B, activation="relu_n1_to_1"), (1, 3, 4), x=B),
    "linear_4_bits": case(linear(5, 9, bits=4), (2, 9)),
    # Within one code of the exact logarithm, which has 1/16 a step.
    "log_softmax": case(LogSoftmax(), (1, 10), y=LOG_PROBABILITY, steps=1.0),
    "log_softmax_rows": case(LogSoftmax(), (1, 3, 5), x=B, y=LOG_PROBABILITY, steps=1.0),
    "log_softmax_unsigned": case(
        LogSoftmax(), (1, 6), x=UNSIGNED,
        y=Quant(scale=(1 / 16,), zero_point=(255,), signed=False), steps=1.0,
    ),
    "log_softmax_other_scale": case(LogSoftmax(), (1, 10), y=C, steps=ENCODED),
    # Integer forms, which few policies have, are in tests/partial_cases.py.
    "lstm": case(
        Lstm(
            input_weight=float_weight(20, 3), recurrent_weight=float_weight(20, 5, seed=1),
            bias=float_weight(20, seed=2),
        ),
        (1, 4, 3), is_integer=False,
    ),
    "lstm_coupled": case(
        Lstm(
            input_weight=float_weight(6, 3), recurrent_weight=float_weight(6, 2, seed=1),
            bias=float_weight(6, seed=2), time_major=True, cell_clip=0.3,
        ),
        (5, 2, 3), is_integer=False,
    ),
    "matmul": case(MatMul(scale=0.35), (1, 2, 3, 5), (1, 2, 5, 4), x=(A, B)),
    "matmul_turned": case(MatMul(transpose_b=True), (3, 5), (4, 5), x=(UNSIGNED, A)),
    "max_pool": case(
        MaxPool2d(kernel=(2, 3), stride=(1, 2), padding=ONES), IMAGE, y=A, steps=EXACT
    ),
    # Only the bound of the clamp is rounded.
    "max_pool_relu6": case(
        MaxPool2d(kernel=(3, 2), stride=(2, 2), activation="relu6"), IMAGE, x=C, steps=ENCODED
    ),
    "max_pool_recoded": case(MaxPool2d(kernel=(2, 2), stride=(2, 2)), IMAGE, steps=ENCODED),
    "maximum": case(Maximum(), IMAGE, (4,), y=A, steps=EXACT),
    "maximum_recoded": case(Maximum(), IMAGE, IMAGE, x=(A, B), steps=ENCODED),
    "mean": case(Mean(axes=(1, 2)), IMAGE),
    "mean_kept": case(Mean(axes=(2,), keep_axes=True), IMAGE),
    "minimum": case(Minimum(), IMAGE, (5, 6, 4), y=A, steps=EXACT),
    "minimum_recoded": case(Minimum(), (1, 3), (2, 1), steps=ENCODED),
    "mul": case(Mul(), IMAGE, IMAGE, x=(A, B)),
    "mul_broadcast": case(Mul(activation="relu"), IMAGE, (1, 1, 1, 4), x=(A, UNSIGNED)),
    "pad": case(Pad(padding=((0, 0), (1, 2), (0, 3), (0, 0))), IMAGE, y=A, steps=EXACT),
    "pad_rows": case(Pad(padding=((1, 0), (0, 2))), (2, 3), y=A, steps=EXACT),
    "pad_recoded": case(Pad(padding=((1, 0), (0, 2))), (2, 3), steps=ENCODED),
    "prelu": case(
        PRelu(alpha=replace(integer_weight(4, axis=None), quant=UNSIGNED_SLOPES)), IMAGE
    ),
    "prelu_one_slope": case(PRelu(alpha=integer_weight(1, axis=None)), (2, 7), x=B),
    # TFLite rounds a float32 quotient, off by 2^-24 of at most 128 steps.
    "quantize": case(Quantize(), IMAGE, x=None, steps=0.5 + 1e-4),
    "reduce_max": case(ReduceMax(axes=(1, 2)), IMAGE, y=A, steps=EXACT),
    "reduce_max_kept": case(ReduceMax(axes=(3,), keep_axes=True), IMAGE, steps=ENCODED),
    "reduce_min": case(ReduceMin(axes=(2, 1), keep_axes=True), IMAGE, y=A, steps=EXACT),
    "reduce_min_rows": case(ReduceMin(axes=(0,)), (2, 3), steps=ENCODED),
    # XNNPACK's multiplier has 8 fractional bits: off by 2^-9, times codes below 2^8.
    "requantize": case(Quantize(), (1, 256), steps=1.0),
    "requantize_unsigned": case(Quantize(), (1, 256), x=UNSIGNED, steps=1.0),
    "reshape": case(Reshape(shape=(1, 120)), IMAGE, y=A, steps=EXACT),
    "reshape_wider": case(Reshape(shape=(2, 1, 3)), (1, 6), y=A, steps=EXACT),
    "reshape_recoded": case(Reshape(shape=(2, 1, 3)), (1, 6), steps=ENCODED),
    "resize_bilinear": case(ResizeBilinear(size=(10, 12)), IMAGE, y=A, steps=INTERPOLATED),
    "resize_bilinear_down": case(
        ResizeBilinear(size=(3, 4), positions="asymmetric"), IMAGE, y=A, steps=INTERPOLATED
    ),
    "resize_bilinear_aligned": case(
        ResizeBilinear(size=(9, 1), positions="align_corners"), IMAGE, y=A, steps=INTERPOLATED
    ),
    "resize_bilinear_recoded": case(ResizeBilinear(size=(3, 3)), IMAGE, steps=ENCODED),
    "resize_bilinear_unsigned": case(
        ResizeBilinear(size=(7, 9)), IMAGE, x=UNSIGNED, y=UNSIGNED, steps=INTERPOLATED
    ),
    "resize_nearest": case(
        ResizeNearest(size=(10, 12), positions="asymmetric"), IMAGE, y=A, steps=EXACT
    ),
    "resize_nearest_aligned": case(
        ResizeNearest(size=(3, 1), positions="align_corners"), IMAGE, y=A, steps=EXACT
    ),
    "resize_nearest_recoded": case(ResizeNearest(size=(4, 9)), IMAGE, steps=ENCODED),
    "rms_norm": case(RmsNorm(gamma=float_weight(4)), IMAGE, steps=ENCODED),
    "rms_norm_rows": case(RmsNorm(gamma=float_weight(7), epsilon=0.1), (2, 7), steps=ENCODED),
    "slice": case(
        Slice(start=(0, 1, 0, 1), stop=(1, 5, 6, 4), step=(1, 2, 1, 3)), IMAGE, y=A, steps=EXACT
    ),
    "slice_rows": case(Slice(start=(0, 2), stop=(2, 3), step=(1, 1)), (2, 3), y=A, steps=EXACT),
    "slice_recoded": case(Slice(start=(0, 2), stop=(2, 3), step=(1, 1)), (2, 3), steps=ENCODED),
    # See kernels/test_softmax.py: within one code of the exact softmax.
    "softmax": case(Softmax(), (1, 10), y=PROBABILITY, steps=1.0),
    "softmax_rows": case(Softmax(beta=2.0), (1, 3, 5), y=PROBABILITY, steps=1.0),
    "softmax_unsigned": case(
        Softmax(), (1, 6), x=UNSIGNED, y=Quant(scale=(1 / 256,), signed=False), steps=1.0
    ),
    "softmax_other_scale": case(Softmax(), (1, 10), y=C, steps=ENCODED),
    "softmax_tiny_steps": case(
        Softmax(), (1, 4), x=Quant(scale=(1e-9,)), y=PROBABILITY, steps=1.0
    ),
    "sub": case(Sub(), IMAGE, IMAGE, x=(A, B)),
    "sub_broadcast": case(Sub(activation="relu"), (4,), IMAGE, x=(B, A)),
    "sum": case(Sum(axes=(1, 2)), IMAGE, y=Quant(scale=(0.4,), zero_point=(11,))),
    "sum_kept": case(
        Sum(axes=(3,), keep_axes=True), IMAGE, x=UNSIGNED, y=replace(UNSIGNED, scale=(0.2,))
    ),
    "tile": case(Tile(repeats=(1, 2, 1, 3)), IMAGE, y=A, steps=EXACT),
    "tile_recoded": case(Tile(repeats=(2, 1)), (2, 3), steps=ENCODED),
    "transpose": case(Transpose(axes=(0, 3, 1, 2)), IMAGE, y=A, steps=EXACT),
    "transpose_rows": case(Transpose(axes=(1, 0)), (2, 3), y=A, steps=EXACT),
    "transpose_recoded": case(Transpose(axes=(1, 0)), (2, 3), steps=ENCODED),
}  # fmt: skip


def _dynamic(op: Conv2d | Linear, shape: Shape) -> Case:
    return case(op, shape, x=None, y=None, steps=dynamic_steps(op, 1.0))


DYNAMIC: dict[str, Case] = {
    "dynamic_conv": _dynamic(conv(3, 3, 3, 4, x=None, padding=ONES), IMAGE),
    "dynamic_pointwise": _dynamic(conv(3, 1, 1, 4, x=None, axis=None, activation="relu"), IMAGE),
    "dynamic_depthwise": _dynamic(conv(6, 3, 3, 1, x=None, groups=6), SMALL),
    "dynamic_linear": _dynamic(linear(5, 7, x=None), (1, 7)),
    "dynamic_rows": _dynamic(linear(5, 7, x=None, axis=None), (1, 3, 7)),
}
