"""Write the constants of float ops as integers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from compressors._scales import weight_scale
from hwsim.numerics import Quant
from hwsim.ops import Constant, Conv2d, Linear

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray
    from hwsim.op import Op
    from hwsim.tensor import Weight

Granularity: TypeAlias = Literal["channel", "tensor"]

_BIAS_BITS = 32
# A bias stays below 2^30 steps, so that sums of products have as much room again.
_BIAS_STEPS = 1 << 30
# A filter of zeros has no range of its own; its bias alone decides, in this many steps.
_LONE_BIAS_STEPS = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightEncoding:
    """How weights are encoded.

    Attributes:
        bits: Width of a code, 2..8; codes lie in [-(2^(bits - 1) - 1), 2^(bits - 1) - 1].
        granularity: One scale per output channel, or per tensor.
    """

    bits: int
    granularity: Granularity


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
    if not isinstance(op, (Conv2d, Linear)):
        return op
    real = op.weight.matrix.astype(np.float64)
    bias = np.zeros(len(real)) if op.bias is None else op.bias.real()
    quant = _symmetric(real, bias, input_scale, encoding)
    weight = replace(op.weight, codes=quant.encode(op.weight.real()), quant=quant)
    return replace(op, weight=weight, bias=_bias(op.bias, quant, input_scale))


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
    lone = np.where(largest == 0.0, _LONE_BIAS_STEPS, _BIAS_STEPS)
    scales = np.maximum(scales, biases / (input_scale * lone))
    return Quant(
        scale=tuple(weight_scale(scale, input_scale) for scale in scales.tolist()),
        zero_point=(0,) * len(scales),
        axis=0 if encoding.granularity == "channel" else None,
        bits=encoding.bits,
    )


def _bias(bias: Weight | None, weight: Quant, input_scale: float) -> Weight | None:
    """Return the bias in the unit of the accumulators."""
    if bias is None:
        return None
    quant = replace(
        weight,
        scale=tuple(float(np.float32(input_scale * scale)) for scale in weight.scale),
        bits=_BIAS_BITS,
    )
    return replace(bias, codes=quant.encode(bias.real()), quant=quant)
