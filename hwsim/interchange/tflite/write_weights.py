"""Weights and biases as TFLite's operators take them: one axis of scales at most."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange.tflite.write_schema import Tensor
from hwsim.numerics import Quant
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import Array
    from hwsim.interchange.tflite.write_place import Place

_MOST_BITS = 8
# Codes of a symmetric int8 weight become uint8 ones, as unsigned operators take them, by this.
_TO_UNSIGNED = 128


# Codes that share bytes, by operator: where LiteRT has kernels of them.
_PACKED_BITS: Mapping[str, tuple[int, ...]] = {
    "CONV_2D": (4,),
    "DEPTHWISE_CONV_2D": (4,),
    "FULLY_CONNECTED": (2, 4),
}


def layer_weight(place: Place, weight: Weight, code: str) -> Tensor:
    """Return a weight as operator `code` takes it, its layout unchanged.

    Codes of 4 and 2 bits share bytes where the operator has such kernels; other widths below 8 lie
    in a byte each, with the same values.

    Args:
        place: Of the layer.
        weight: Its first axis is the output channels.
        code: Of the operator.

    Raises:
        InterchangeError: TFLite has no such encoding.
    """
    quant, x = weight.quant, place.inputs[0].quant
    if quant is None and not place.is_real:
        raise place.refusal(f"{code} takes integer weights beside integer activations")
    if quant is None:
        return _constant(weight.codes.astype(np.float32), None)
    if x is None and weight.is_decoded:
        raise place.refusal(
            f"{code} of reals with integer weights quantizes its inputs too, and these weights are "
            "to be decoded; the step quantize makes the activations integers, .onnx and .hwsim "
            "hold it"
        )
    if quant.bits > _MOST_BITS:
        raise place.refusal(
            f"{code} takes weights of at most {_MOST_BITS} bits, got {quant.bits}; "
            f"quantize{{weights={_MOST_BITS}}}, or .hwsim holds it"
        )
    # Signs are the codes -1 and +1 there.
    quant = replace(quant, bits=_MOST_BITS, is_bipolar=False) if quant.is_bipolar else quant
    if quant.group is not None:
        raise place.refusal(
            f"{code} takes weights with one scale per channel, got one per group of "
            f"{quant.group}; quantize with group=0, or .hwsim holds it"
        )
    if any(float(np.float32(scale)) != scale for scale in quant.scale):
        raise place.refusal(
            "a scale of its weight is no float32 number, as files hold them; the step quantize "
            "makes such scales"
        )
    if x is not None and not x.signed:
        return _unsigned_weight(place, weight, quant)
    if not quant.signed or not quant.is_symmetric:
        raise place.refusal(
            f"{code} takes signed weights with zero point 0; quantize the float model again with "
            "scheme=uniform, or .hwsim holds it"
        )
    is_packed = quant.bits in _PACKED_BITS.get(code, ()) and x is not None and x.bits == 8
    bits = quant.bits if is_packed else 8
    place.draft.notes.written_wide(place.node, weight.bits, bits)
    tensor = _constant(weight.codes.astype(np.int8), replace(quant, bits=8))
    return replace(tensor, dtype=f"int{bits}")


def _unsigned_weight(place: Place, weight: Weight, quant: Quant) -> Tensor:
    """Return codes shifted into uint8: less their zero point, they multiply alike."""
    place.draft.notes.written_wide(place.node, weight.bits, 8)
    if len(quant.scale) > 1:
        raise place.refusal(
            "weights beside uint8 activations have one scale, got one per channel; quantize the "
            "float model again, to int8 or with granularity=tensor"
        )
    if not quant.signed:
        return _constant(weight.codes.astype(np.uint8), replace(quant, bits=8))
    codes = (weight.codes.astype(np.int16) + _TO_UNSIGNED).astype(np.uint8)
    zero_point = (quant.zero_point[0] + _TO_UNSIGNED,)
    return _constant(codes, replace(quant, bits=8, signed=False, axis=None, zero_point=zero_point))


def _constant(values: Array, quant: Quant | None) -> Tensor:
    return Tensor(name="", shape=values.shape, dtype=values.dtype.name, quant=quant, values=values)


def layer_bias(place: Place, weight: Tensor, bias: Weight) -> str:
    """Add a bias in the unit of the accumulators, input scale x weight scale; return its name."""
    if bias.quant is None:
        return place.constant("bias", bias.codes.astype(np.float32))
    x = place.inputs[0].quant
    if x is None or weight.quant is None:
        raise place.refusal("an integer bias needs integer inputs and weights")
    scale = tuple(float(np.float32(x.scale[0]) * np.float32(s)) for s in weight.quant.scale)
    quant = Quant(
        scale=scale,
        zero_point=(0,) * len(scale),
        axis=0 if len(scale) > 1 else None,
        bits=bias.bits,
    )
    # 16-bit activations may be summed in 64 bits.
    dtype = np.int64 if bias.bits == 64 else np.int32
    return place.constant("bias", bias.codes.astype(dtype), quant)


def no_bias(place: Place, channels: int) -> Weight:
    """Return zeros of the type that a bias has there."""
    if place.is_real:
        return Weight(codes=np.zeros(channels, np.float32))
    bits = 64 if place.inputs[0].bits == 16 else 32
    codes = np.zeros(channels, np.dtype(f"int{bits}"))
    return Weight(codes=codes, quant=Quant(scale=(1.0,), bits=bits))
