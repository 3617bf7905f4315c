"""Write the constants of float ops as integers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from compressors.quantization.integer_lstm import integer_lstm
from compressors.quantization.scales import power_above, weight_scale
from compressors.quantization.schemes import Uniform
from hwsim.errors import RecipeError
from hwsim.formats import Dense
from hwsim.formats.find import find_format
from hwsim.numerics import Quant
from hwsim.ops import Constant, Conv2d, Conv2dTranspose, Linear, Lstm, PRelu

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compressors.quantization.schemes import Scheme
    from hwsim.arrays import Array, FloatArray
    from hwsim.op import Op
    from hwsim.tensor import Weight

# Bits of a bias beside activations and weights of up to 8 bits, and beside wider ones: TFLite's.
_BIAS_BITS, _WIDE_BIAS_BITS = 32, 64
# A bias stays below so many steps, so that sums of products have as much room again.
_BIAS_STEPS: Mapping[int, int] = {_BIAS_BITS: 1 << 30, _WIDE_BIAS_BITS: 1 << 44}
# A filter of zeros has no range of its own; its bias alone decides, in this many steps.
_LONE_BIAS_STEPS = 1 << 24
# TFLite's kernel takes no more.
_MOST_LSTM_BITS = 8
# The largest code of the slopes of a PReLU, which TFLite's kernels take with one scale only.
_LARGEST_SLOPE = 127


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerEncoding:
    """How one layer is encoded.

    Attributes:
        where: `graph/node`, for messages.
        scheme: Of its weights.
        activation_bits: Of the activations beside them; 32 for reals.
    """

    where: str
    scheme: Scheme
    activation_bits: int = 8

    def bias_bits(self, weight_bits: int) -> int:
        """Return the width of a bias beside such weights."""
        is_narrow = max(self.activation_bits, weight_bits) <= 8
        return _BIAS_BITS if is_narrow else _WIDE_BIAS_BITS


def as_integers(op: Op, input_scale: float, output: Quant, encoding: LayerEncoding) -> Op:
    """Return `op` with integer constants; layer norms keep their reals.

    Args:
        op: Of floats, or with integer weights, which keep their codes, scales and format.
        input_scale: Of its first operand; whatever where there is none.
        output: Encoding of its result.
        encoding: Of weights.

    Raises:
        RecipeError: A bias does not fit beside integer weights, or the scheme not an LSTM.
    """
    if isinstance(op, Constant):
        value = replace(op.value, codes=output.encode(op.value.real()), quant=output)
        return replace(op, value=value)
    if isinstance(op, Lstm):
        return _integer_lstm(op, input_scale, output, encoding)
    if isinstance(op, PRelu):
        return replace(op, alpha=_one_scale(op.alpha))
    if not isinstance(op, (Conv2d, Conv2dTranspose, Linear)):
        return op
    bias = np.zeros(op.weight.shape[0]) if op.bias is None else op.bias.real()
    if op.weight.quant is None:
        weight = _encoded(op.weight, bias, input_scale, encoding, can_group=isinstance(op, Linear))
    else:
        weight = _kept(op.weight, bias, input_scale, encoding)
    if weight.quant is not None and weight.quant.group is not None:
        if not isinstance(op, Linear):
            raise RecipeError(
                f"{encoding.where}: quantize: {op.kind} of integer activations takes weights with "
                f"a scale per channel, got integer ones with one per group of "
                f"{weight.quant.group}; make them without groups, or take activations=32"
            )
        # The bias has no unit that all groups share, and stays real.
        return replace(op, weight=weight)
    return replace(op, weight=weight, bias=_bias(op.bias, weight, input_scale, encoding))


def with_integer_weights(op: Op, encoding: LayerEncoding, *, is_decoded: bool = True) -> Op:
    """Return `op` between reals, its weights integer codes; those that are codes already stay.

    Args:
        op: Of floats, or with integer weights.
        encoding: Of weights.
        is_decoded: Whether the layer multiplies the reals that they mean; if not, it quantizes its
            inputs as they arrive.
    """
    if not isinstance(op, (Conv2d, Linear)):
        return op
    weight = op.weight
    if weight.quant is None:
        weight = _encoded(weight, np.zeros(weight.shape[0]), 1.0, encoding, can_group=True)
    return replace(op, weight=replace(weight, is_decoded=is_decoded))


def _integer_lstm(op: Lstm, input_scale: float, output: Quant, encoding: LayerEncoding) -> Lstm:
    scheme = encoding.scheme
    if not isinstance(scheme, Uniform) or scheme.bits > _MOST_LSTM_BITS:
        raise RecipeError(
            f"{encoding.where}: quantize: an lstm takes weights of scheme uniform of at most "
            f"{_MOST_LSTM_BITS} bits, got {scheme.name} of {scheme.bits}; give it a width of its "
            "own, as layer_weights=NODE=8 does"
        )
    return integer_lstm(op, input_scale, output, scheme.bits)


def _one_scale(slopes: Weight) -> Weight:
    """Return the slopes of a PReLU as signed 8-bit codes of one scale, zero point 0."""
    largest = float(np.abs(slopes.real()).max(initial=0.0))
    quant = Quant(scale=(weight_scale(largest / _LARGEST_SLOPE, 1.0),))
    return replace(slopes, codes=quant.encode(slopes.real()), quant=quant)


def _encoded(
    weight: Weight,
    bias: FloatArray,
    input_scale: float,
    encoding: LayerEncoding,
    *,
    can_group: bool,
) -> Weight:
    """Return `weight` as codes of the scheme, whose scales leave room for the bias.

    Args:
        weight: Of floats.
        bias: [out].
        input_scale: > 0.
        encoding: Of weights.
        can_group: Whether the layer takes weights with a scale per group.
    """
    scheme = encoding.scheme
    real = weight.matrix.astype(np.float64)
    if isinstance(scheme, Uniform) and scheme.group is not None:
        # A row that is one group has its scale per channel.
        if can_group and real.shape[1] > scheme.group:
            return _coded(weight, scheme, scheme.quant(real), encoding.where)
        scheme = replace(scheme, group=None, scale_bits=32)
    quant = scheme.quant(real)
    centred = scheme.codes(real, quant) - quant.spread(real.shape)[1]
    is_empty = np.asarray(np.logical_not((centred != 0).any(axis=1)))
    quant = _widened(quant, is_empty, bias, input_scale, encoding)
    return _coded(weight, scheme, quant, encoding.where)


def _coded(weight: Weight, scheme: Scheme, quant: Quant, where: str) -> Weight:
    """Return the codes of `weight`, in the scheme's own storage format if it has no other.

    Raises:
        RecipeError: It lies in a format of zeros, and the scheme has none.
    """
    is_dense = weight.format.name == Dense().name
    if not is_dense and 0 not in scheme.levels():
        raise RecipeError(
            f"{where}: quantize: scheme {scheme.name} has no code for zero, got weights in format "
            f"{weight.format.name}; take scheme=ternary, or leave out the step that made zeros"
        )
    codes = scheme.codes(weight.matrix.astype(np.float64), quant).reshape(weight.shape)
    format_ = find_format(scheme.storage) if is_dense and scheme.storage else weight.format
    return replace(weight, codes=codes, quant=quant, format=format_)


def _widened(
    quant: Quant,
    is_empty: Array,
    bias: FloatArray,
    input_scale: float,
    encoding: LayerEncoding,
) -> Quant:
    """Return `quant` with scales whose products with the input's hold the bias, and are normal.

    The bias counts steps of input scale x weight scale. Filters of zeros have any scale.

    Args:
        quant: Per channel or tensor.
        is_empty: [out], filters whose weights are all zero.
        bias: [out].
        input_scale: > 0.
        encoding: Of the layer.
    """
    scales, largest = np.asarray(quant.scale), np.abs(bias)
    if quant.axis is None:
        is_empty, largest = np.array([is_empty.all()]), largest.max(keepdims=True)
    steps = _BIAS_STEPS[encoding.bias_bits(quant.bits)]
    least = largest / (input_scale * np.where(is_empty, _LONE_BIAS_STEPS, steps))
    scales = np.maximum(np.where(is_empty, 0.0, scales), least)
    made = np.array([weight_scale(scale, input_scale) for scale in scales.tolist()])
    if encoding.scheme.power_of_two_scales:
        made = power_above(made)
    return replace(quant, scale=tuple(made.tolist()))


def _kept(weight: Weight, bias: FloatArray, input_scale: float, encoding: LayerEncoding) -> Weight:
    """Return integer weights as they are; but filters of zeros get a scale for their bias.

    Raises:
        RecipeError: The bias needs more bits than it has, in steps that the weights decide.
    """
    weight, quant = replace(weight, is_decoded=False), weight.quant
    if quant is None or quant.group is not None:
        return weight
    if quant.axis == 0:
        is_empty = np.asarray(np.logical_not(weight.nonzero.any(axis=1)))
        lone = np.asarray(_widened(quant, is_empty, bias, input_scale, encoding).scale)
        scales = np.where(is_empty, lone, quant.scale)
        quant = replace(quant, scale=tuple(scales.tolist()))
        weight = replace(weight, quant=quant)
    bits = encoding.bias_bits(quant.bits)
    most = (np.abs(bias) / (input_scale * np.asarray(quant.scale))).max(initial=0.0)
    if not most <= 2.0 ** (bits - 2):
        raise RecipeError(
            f"{encoding.where}: quantize: a bias beside weights that are integers already needs "
            f"{most:.3g} steps of input scale x weight scale, at most {2.0 ** (bits - 2):.3g} fit"
        )
    return weight


def _bias(
    bias: Weight | None, weight: Weight, input_scale: float, encoding: LayerEncoding
) -> Weight | None:
    """Return the bias in the unit of the accumulators."""
    quant = weight.quant
    if bias is None or quant is None:
        return bias
    unit = Quant(
        scale=tuple(float(np.float32(input_scale * scale)) for scale in quant.scale),
        zero_point=(0,) * len(quant.scale),
        axis=quant.axis,
        bits=encoding.bias_bits(quant.bits),
    )
    return replace(bias, codes=unit.encode(bias.real()), quant=unit)
