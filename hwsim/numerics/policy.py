"""Which runtime rounds how: one policy names a rounding per op."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.numerics.accumulator import Accumulator
from hwsim.numerics.rounding import (
    Float32Added,
    Float32Even,
    Float32Trunc,
    Float64Away,
    Gemmlowp,
    HalfUpTwice,
    HalfUpTwiceLanes,
    Rndnu,
    Rounding,
    Single,
)
from hwsim.numerics.wide import WIDE_MICRO, WIDE_OPTIMIZED, WIDE_REFERENCE, WIDE_SINGLE, Wide

AddFormula: TypeAlias = Literal[
    "shift20", "shift20_single", "shift20_lanes", "fixed20", "float32", "fused"
]
QuantizeFormula: TypeAlias = Literal["tflite", "xnnpack", "ort"]
ConversionFormula: TypeAlias = Literal["scalar", "vectors"]
SoftmaxFormula: TypeAlias = Literal["fixed", "table", "powers"]
ElementaryFormula: TypeAlias = Literal["table", "fixed"]

_INT32 = Accumulator()


@dataclass(frozen=True, slots=True, kw_only=True)
class Numerics:
    """The integer arithmetic of one runtime.

    Attributes:
        name: As the command line spells it.
        conv: Rounding of convolutions.
        depthwise: Rounding of depthwise convolutions; None where it is `conv`.
        grouped: Rounding of other convolutions in groups; None where it is `conv`.
        linear: Rounding of fully connected layers.
        matmul: Rounding of products of two activations.
        mul: Rounding of elementwise products.
        add: `shift20` (both inputs shifted left 20 and rescaled with gemmlowp: TFLite),
            `shift20_single` (each rescaling rounds once: CMSIS-NN), `shift20_lanes` (inputs are
            rescaled with one rounding where whole vectors are: LiteRT's optimized kernels),
            `fixed20` (multipliers of 20 bits, one rounding shift: XNNPACK), `float32` (reals,
            rounded half away: TinyEngine) or `fused` (fused multiply-adds of float32, rounded to
            even: ONNX Runtime).
        quantize: How reals, bounds of fused activations too, and codes of another encoding become
            codes; see `Quantize` and `clamped_target`.
        conversion: Whether `Quantize` and `Dequantize` convert all elements alike (`scalar`), or in
            vectors and what is left as TFLite's reference (`vectors`: LiteRT's optimized kernels).
        softmax: `fixed` (gemmlowp's exponential: TFLite's reference), `table` (float32 powers
            from a table of 256: LiteRT's optimized kernels, to which XNNPACK leaves softmax) or
            `powers` (the same with other powers, rounded to even: ONNX Runtime).
        average: How average pools round: `whole` (sums of codes, halves away from zero: TFLite, to
            which XNNPACK leaves them) or `float32` (sums of reals, to even: ONNX Runtime).
        elementary: How logistic and tanh of 8 bits are computed: `table` (of reals: TFLite) or
            `fixed` (gemmlowp's fixed point: TensorFlow Lite Micro).
        dynamic: How inputs of layers with integer weights but real activations are quantized.
        total: How sums and means over axes are rescaled: `fixed` (gemmlowp, the mantissa divided by
            the count: TFLite), `fixed_offset` (as `fixed`, but for means of images that keep their
            axes, see `_reduction`: LiteRT's optimized kernels), `float32` (a float32 factor,
            rounded to even: XNNPACK) or `image` (such a factor for means over height and width,
            reals for all others: ONNX Runtime).
        sum: How sums over axes are rescaled: as means, or `float32_away` (LiteRT's optimized
            kernel).
        transposed: Rounding of transposed convolutions; None where it is `conv`.
        resize: How codes are interpolated: see `ResizeBilinear`.
        wide: The arithmetic of 16-bit activations; None where the runtime has none.
        ratio: Type in which the scales of elementwise products and clamps become one multiplier.
        lstm: How 8-bit codes go through an LSTM: `litert` (cell state and gates of 16 bits in
            gemmlowp's fixed point); None where the runtime's way is not known.
        blocks: How linear layers join the sums of weights with a scale per group: `float32` (each
            times its scale, added in order); None where the runtime has no such layers.
        accumulator: What the products of convolutions, linear layers and matmuls are summed in.
    """

    name: str
    conv: Rounding
    depthwise: Rounding | None = None
    grouped: Rounding | None = None
    linear: Rounding
    matmul: Rounding
    mul: Rounding
    add: AddFormula
    quantize: QuantizeFormula
    conversion: ConversionFormula = "scalar"
    softmax: SoftmaxFormula
    elementary: ElementaryFormula = "table"
    average: Literal["whole", "float32"] = "whole"
    dynamic: Literal["tflite", "xnnpack", "ort"]
    wide: Wide | None = None
    total: Literal["fixed", "fixed_offset", "float32", "image"] = "fixed"
    sum: Literal["fixed", "float32", "float32_away"] = "fixed"
    transposed: Rounding | None = None
    resize: Literal["tflite", "xnnpack"] = "tflite"
    ratio: Literal["float32", "float64"] = "float32"
    lstm: Literal["litert"] | None = None
    blocks: Literal["float32"] | None = None
    accumulator: Accumulator = _INT32

    def ratio_of(self, input_scale: float, output_scale: float, other_scale: float = 1.0) -> float:
        """Return input_scale * other_scale / output_scale, in the type `ratio`."""
        real = np.dtype(self.ratio).type
        return float(real(input_scale) * real(other_scale) / real(output_scale))


_GEMMLOWP, _EVEN, _AWAY = Gemmlowp(), Float32Even(), Float64Away()

_REFERENCE = Numerics(
    name="tflite-ref",
    conv=_GEMMLOWP,
    linear=_AWAY,
    matmul=_GEMMLOWP,
    mul=_GEMMLOWP,
    add="shift20",
    quantize="tflite",
    softmax="fixed",
    dynamic="tflite",
    wide=WIDE_REFERENCE,
    lstm="litert",
)

_MICRO = replace(
    _REFERENCE,
    name="tflm",
    linear=_GEMMLOWP,
    elementary="fixed",
    ratio="float64",
    wide=WIDE_MICRO,
    lstm=None,
)

_XNNPACK = Numerics(
    name="xnnpack",
    conv=_EVEN,
    linear=_EVEN,
    # LiteRT computes products of two 8-bit activations itself.
    matmul=_GEMMLOWP,
    mul=_EVEN,
    add="fixed20",
    quantize="xnnpack",
    softmax="table",
    dynamic="xnnpack",
    wide=WIDE_OPTIMIZED,
    lstm="litert",
    total="float32",
    sum="float32",
    resize="xnnpack",
    blocks="float32",
)

POLICIES: tuple[Numerics, ...] = (
    _REFERENCE,
    _MICRO,
    replace(
        _REFERENCE,
        name="tflite-ruy",
        conv=HalfUpTwice(),
        depthwise=HalfUpTwiceLanes(),
        grouped=_GEMMLOWP,
        linear=HalfUpTwice(),
        add="shift20_lanes",
        conversion="vectors",
        softmax="table",
        total="fixed_offset",
        sum="float32_away",
        transposed=HalfUpTwiceLanes(),
        wide=WIDE_OPTIMIZED,
    ),
    _XNNPACK,
    # XNNPACK on Arm, where kernels of int8 without fp32 requantization are chosen; not compared.
    replace(_XNNPACK, name="rndnu", conv=Rndnu(), linear=Rndnu(), matmul=Rndnu(), mul=Rndnu()),
    # ONNX Runtime's CPU provider on x86, after its default optimizations.
    replace(
        _XNNPACK,
        name="ort",
        matmul=_EVEN,
        mul=Float32Added(),
        add="fused",
        quantize="ort",
        softmax="powers",
        average="float32",
        dynamic="ort",
        total="image",
        wide=None,
        lstm=None,
    ),
    # CMSIS-NN built with CMSIS_NN_USE_SINGLE_ROUNDING; its default build rounds as `tflm`.
    replace(
        _MICRO,
        name="cmsis-nn",
        conv=Single(),
        linear=Single(),
        matmul=Single(),
        mul=Single(),
        add="shift20_single",
        wide=WIDE_SINGLE,
    ),
    # TinyEngine's kernels with float32 requantization; what it has none of is as in `tflm`.
    replace(
        _MICRO, name="trunc", conv=Float32Trunc(), linear=Float32Trunc(), add="float32", wide=None
    ),
)


def find_policy(name: str) -> Numerics:
    """Return the policy of that name.

    Raises:
        UnsupportedError: There is none.
    """
    for policy in POLICIES:
        if policy.name == name:
            return policy
    known = ", ".join(policy.name for policy in POLICIES)
    raise UnsupportedError(f"no numerics policy {name!r}; known: {known}")
