"""Write the constants of float ops as integers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from compressors.quantization.integer_lstm import integer_lstm
from compressors.quantization.scales import group_scale, weight_scale
from hwsim.numerics import Quant
from hwsim.ops import Constant, Conv2d, Conv2dTranspose, Linear, Lstm, PRelu

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import FloatArray
    from hwsim.op import Op
    from hwsim.tensor import Weight

Granularity: TypeAlias = Literal["channel", "tensor"]

# Bits of a bias beside activations of up to 8 bits, and beside wider ones: TFLite's.
_BIAS_BITS, _WIDE_BIAS_BITS = 32, 64
# A bias stays below so many steps, so that sums of products have as much room again.
_BIAS_STEPS: Mapping[int, int] = {_BIAS_BITS: 1 << 30, _WIDE_BIAS_BITS: 1 << 44}
# A filter of zeros has no range of its own; its bias alone decides, in this many steps.
_LONE_BIAS_STEPS = 1 << 24
# The largest code of the slopes of a PReLU, which TFLite's kernels take with one scale only.
_LARGEST_SLOPE = 127


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightEncoding:
    """How weights are encoded.

    Attributes:
        bits: Width of a code, 2..8; codes lie in [-(2^(bits - 1) - 1), 2^(bits - 1) - 1].
        granularity: One scale per output channel, or per tensor.
        group: Weights that share a scale, along a row of the matrix [out, rest]; None: all of a
            row, or of the tensor.
        scale_bits: Width of the scale of a group, 16 or 32.
        activation_bits: Of the activations beside them; 32 for reals.
    """

    bits: int
    granularity: Granularity
    group: int | None = None
    scale_bits: int = 32
    activation_bits: int = 8

    @property
    def bias_bits(self) -> int:
        """Width of a bias."""
        return _BIAS_BITS if self.activation_bits <= 8 else _WIDE_BIAS_BITS


def as_integers(op: Op, input_scale: float, output: Quant, encoding: WeightEncoding) -> Op:
    """Return `op` with integer constants; layer norms keep their reals.

    Args:
        op: Of floats.
        input_scale: Of its first operand; whatever where there is none.
        output: Encoding of its result.
        encoding: Of weights.
    """
    if isinstance(op, Constant):
        value = replace(op.value, codes=output.encode(op.value.real()), quant=output)
        return replace(op, value=value)
    if isinstance(op, Lstm):
        return integer_lstm(op, input_scale, output, encoding.bits)
    if isinstance(op, PRelu):
        return replace(op, alpha=_one_scale(op.alpha))
    if not isinstance(op, (Conv2d, Conv2dTranspose, Linear)):
        return op
    if isinstance(op, Linear) and _takes_groups(op.weight, encoding):
        # The bias has no unit that all groups share, and stays real.
        return replace(op, weight=_in_groups(op.weight, encoding))
    real = op.weight.matrix.astype(np.float64)
    bias = np.zeros(len(real)) if op.bias is None else op.bias.real()
    quant = _symmetric(real, bias, input_scale, encoding)
    weight = replace(op.weight, codes=quant.encode(op.weight.real()), quant=quant)
    return replace(op, weight=weight, bias=_bias(op.bias, quant, input_scale, encoding))


def _one_scale(slopes: Weight) -> Weight:
    """Return the slopes of a PReLU as signed 8-bit codes of one scale, zero point 0."""
    largest = float(np.abs(slopes.real()).max(initial=0.0))
    quant = Quant(scale=(weight_scale(largest / _LARGEST_SLOPE, 1.0),))
    return replace(slopes, codes=quant.encode(slopes.real()), quant=quant)


def with_integer_weights(op: Op, encoding: WeightEncoding) -> Op:
    """Return `op` between reals, its weights integer codes that are decoded to be multiplied."""
    if not isinstance(op, (Conv2d, Linear)):
        return op
    if _takes_groups(op.weight, encoding):
        weight = _in_groups(op.weight, encoding)
    else:
        real = op.weight.matrix.astype(np.float64)
        quant = _symmetric(real, np.zeros(len(real)), 1.0, encoding)
        weight = replace(op.weight, codes=quant.encode(op.weight.real()), quant=quant)
    return replace(op, weight=replace(weight, is_decoded=True))


def _takes_groups(weight: Weight, encoding: WeightEncoding) -> bool:
    """Return whether a row is longer than a group."""
    return encoding.group is not None and weight.matrix.shape[1] > encoding.group


def _in_groups(weight: Weight, encoding: WeightEncoding) -> Weight:
    """Return `weight` with max |w| / (2^(bits - 1) - 1) of each group as its scale."""
    size = encoding.group or 1
    real = np.abs(weight.matrix.astype(np.float64))
    rows, columns = real.shape
    padded = np.pad(real, ((0, 0), (0, -columns % size))).reshape(rows, -1, size)
    scales = padded.max(axis=2).reshape(-1) / ((1 << (encoding.bits - 1)) - 1)
    quant = Quant(
        scale=tuple(group_scale(scale, encoding.scale_bits) for scale in scales.tolist()),
        zero_point=(0,) * len(scales),
        axis=0,
        bits=encoding.bits,
        group=size,
        scale_bits=encoding.scale_bits,
    )
    clipped = _clipped(quant, weight.real())
    return replace(weight, codes=quant.encode(clipped), quant=quant)


def _clipped(quant: Quant, real: FloatArray) -> FloatArray:
    """Return `real` where a rounded scale still holds it without the lowest code."""
    scale, _ = quant.spread(real.shape)
    return np.clip(real, -quant.high * scale, quant.high * scale)


def _symmetric(
    real: FloatArray, bias: FloatArray, input_scale: float, encoding: WeightEncoding
) -> Quant:
    """Return max |w| / (2^(bits - 1) - 1) as scale (arXiv 1712.05877), zero point 0.

    The scale is widened where the int32 bias, in steps of input scale x weight scale, would not
    fit otherwise.

    Args:
        real: Weights [out, depth].
        bias: [out].
        input_scale: > 0.
        encoding: Bits and granularity.
    """
    largest = np.abs(real).max(axis=1, initial=0.0)
    biases = np.abs(bias)
    if encoding.granularity == "tensor":
        largest, biases = largest.max(keepdims=True), biases.max(keepdims=True)
    scales = largest / ((1 << (encoding.bits - 1)) - 1)
    lone = np.where(largest == 0.0, _LONE_BIAS_STEPS, _BIAS_STEPS[encoding.bias_bits])
    scales = np.maximum(scales, biases / (input_scale * lone))
    return Quant(
        scale=tuple(weight_scale(scale, input_scale) for scale in scales.tolist()),
        zero_point=(0,) * len(scales),
        axis=0 if encoding.granularity == "channel" else None,
        bits=encoding.bits,
    )


def _bias(
    bias: Weight | None, weight: Quant, input_scale: float, encoding: WeightEncoding
) -> Weight | None:
    """Return the bias in the unit of the accumulators."""
    if bias is None:
        return None
    quant = replace(
        weight,
        scale=tuple(float(np.float32(input_scale * scale)) for scale in weight.scale),
        bits=encoding.bias_bits,
    )
    return replace(bias, codes=quant.encode(bias.real()), quant=quant)
