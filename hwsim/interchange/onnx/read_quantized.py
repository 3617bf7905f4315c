"""Read the operators that make, take or explain integer codes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange._builder import Value
from hwsim.interchange.onnx.read_call import Codes, shape_of, with_operands
from hwsim.interchange.onnx.read_encodings import ENCODED, WIDTHS, quant_of, width_of
from hwsim.ops import Quantize
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.arrays import Array
    from hwsim.interchange._builder import Builder
    from hwsim.interchange._layouts import Operand
    from hwsim.interchange.onnx.read_call import Call, Known, Layer
    from hwsim.numerics import Quant

_UINT8 = (8, False)


def quantize(builder: Builder, call: Call) -> Known:
    """Read QuantizeLinear."""
    call.refuse_unless("block_size", 0)
    x = call.operand(0)
    zero_point = call.array(2)
    width = _UINT8
    if zero_point is not None:
        width = width_of(zero_point, call.where)
    elif call.int_("output_dtype"):
        width = _width(call, call.int_("output_dtype"))
    scale = call.needed(1)
    axis = None if scale.size == 1 else call.axis(call.int_("axis", 1), len(x.shape))
    quant = quant_of(scale, zero_point, width, axis, call.where)
    if not isinstance(x, Value):
        real = x.real() if isinstance(x, Weight) else x
        return Weight(codes=quant.encode(real), quant=quant).codes
    return encoded(builder, call, x, quant)


def encoded(builder: Builder, call: Call, x: Value, quant: Quant) -> Codes:
    """Return the reals `x` as codes of `quant`."""
    if quant.axis is not None:
        raise call.error("one scale for an activation", f"{len(quant.scale)}")
    if x.quant == quant:
        return Codes(x)
    made = builder.emit(call.name, Quantize(), (x,), x.order, quant)
    return Codes(replace(made, columns=x.columns))


def _width(call: Call, code: int) -> tuple[int, bool]:
    if code not in WIDTHS:
        raise call.error("output_dtype that is an integer", str(code))
    return WIDTHS[code]


def dequantize(builder: Builder, call: Call) -> Known:
    """Read DequantizeLinear."""
    del builder
    return decoded(call, 0, 1, 2, axis=call.int_("axis", 1))


def decoded(call: Call, codes: int, scale: int, zero_point: int, axis: int = 1) -> Operand:
    """Return what the integers at `codes` mean by the scale and zero point beside them.

    Args:
        call: A node.
        codes: Place of the operand.
        scale: Place of its scale.
        zero_point: Place of its zero point.
        axis: Along which a constant has several scales.

    Raises:
        InterchangeError: Whoever made them said they mean something else.
    """
    given = call.operands[codes] if call.given(codes) else None
    scales, zeros = call.needed(scale), call.array(zero_point)
    if isinstance(given, Codes):
        quant = given.value.quant
        assert quant is not None
        if scales.size != 1:
            raise call.error("one scale for an activation", str(scales.size))
        told = quant_of(scales, zeros, (quant.bits, quant.signed), None, call.where)
        if told != quant:
            raise call.error(f"{_said(quant)}, as the integers were made", _said(told))
        return given.value
    array = call.needed(codes)
    if call.int_("block_size") or scales.ndim > 1:
        return _blocks(call, array, scales, zeros)
    channels = None if scales.size == 1 else call.axis(axis, array.ndim)
    quant = quant_of(scales, zeros, width_of(array, call.where), channels, call.where)
    if channels is not None and scales.size != array.shape[channels]:
        raise call.error(f"{array.shape[channels]} scales", str(scales.size))
    return Weight(codes=array.astype(quant.dtype), quant=quant)


def _said(quant: Quant) -> str:
    return f"scale {quant.scale[0]:g} and zero point {quant.zero_point[0]}"


def _blocks(call: Call, codes: Array, scales: Array, zeros: Array | None) -> Array:
    """Return the reals of codes that have a scale per block along one axis."""
    axis = call.axis(call.int_("axis", 1), codes.ndim)
    block = call.int_("block_size")
    blocks = scales.shape[axis] if scales.ndim == codes.ndim else 0
    if block < 1 or -(-codes.shape[axis] // block) != blocks:
        raise call.error("a scale per block", f"{list(scales.shape)} for {list(codes.shape)}")

    spread = [_spread(array, block, axis, codes.shape[axis]) for array in (scales, zeros)]
    return (codes.astype(np.float32) - spread[1]) * spread[0]


def _spread(per_block: Array | None, block: int, axis: int, extent: int) -> Array:
    """Return one value per element along `axis`, given one per block; zeros for None."""
    if per_block is None:
        return np.zeros(1, np.float32)
    index: list[slice | list[int]] = [slice(None)] * per_block.ndim
    index[axis] = [i // block for i in range(extent)]
    return per_block.astype(np.float32)[tuple(index)]


def between_codes(layer: Layer, result: tuple[int, int], bias: int | None = None) -> Layer:
    """Return `layer`, which takes and makes reals, as an operator of integers.

    Args:
        layer: Of reals.
        result: Where the scale and zero point of the result are.
        bias: Where the sums' bias is, whose unit is the product of both scales.
    """

    def read(builder: Builder, call: Call) -> Known:
        places = ENCODED[call.op]
        operands: list[Known | None] = [
            decoded(call, *place, axis=_channels(call, place[0])) for place in places
        ]
        if bias is not None and call.given(bias):
            operands.append(_sums(call, bias, operands))
        real = layer(builder, replace(with_operands(call, *operands), name=f"{call.name}.real"))
        return requantized(builder, call, real, result)

    return read


def _channels(call: Call, place: int) -> int:
    """Return the axis of the output channels in the operand at `place`."""
    if call.op == "QLinearConv":
        return 0
    operand = call.operands[place] if call.given(place) else None
    rank = 2 if operand is None else len(shape_of(operand))
    return rank - 2 if call.int_("transB") else rank - 1


def _sums(call: Call, place: int, operands: Sequence[Known | None]) -> Weight:
    """Return the int32 bias at `place` with the scale of what it is added to."""
    codes = call.needed(place)
    x, weight = operands[:2]
    if not isinstance(x, Value) or x.quant is None or not isinstance(weight, Weight):
        raise call.error("a constant weight beside a bias", "one that depends on the input")
    assert weight.quant is not None
    scale = np.float32(x.quant.scale[0]) * np.asarray(weight.quant.scale, np.float32)
    quant = quant_of(scale, None, width_of(codes, call.where), 0, call.where)
    return Weight(codes=codes.reshape(-1), quant=quant)


def requantized(
    builder: Builder, call: Call, real: Known | tuple[Known, ...], result: tuple[int, int]
) -> Known:
    """Return `real` in the encoding that the operands at `result` tell."""
    if not isinstance(real, Value):
        raise call.error("one operand that depends on the input", "constants")
    scale, zero_point = call.needed(result[0]), call.array(result[1])
    width = _UINT8 if zero_point is None else width_of(zero_point, call.where)
    return encoded(builder, call, real, quant_of(scale, zero_point, width, None, call.where))
