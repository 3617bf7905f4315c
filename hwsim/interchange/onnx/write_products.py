"""Layers that multiply, as ONNX operators: weights, biases, inputs quantized as they come."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.interchange._axis_orders import identity
from hwsim.interchange.onnx.write_draft import CHANNELS_FIRST, Wire
from hwsim.interchange.onnx.write_sparse import weight_constant
from hwsim.numerics import Quant

if TYPE_CHECKING:
    from hwsim.arrays import Shape
    from hwsim.interchange.onnx.write_place import Place
    from hwsim.ops import Conv2d, Linear, MatMul
    from hwsim.tensor import Weight

# What two of share a byte in ONNX; integer kernels take bytes.
_NIBBLE = 4
_BYTE = 8
_FLOAT = 1
_INT8 = 3


def write_conv(place: Place, op: Conv2d) -> None:
    """Write Conv: channels first."""
    x = place.operand(0, CHANNELS_FIRST)
    shape = tuple(place.output.shape[axis] for axis in CHANNELS_FIRST)
    (top, bottom), (left, right) = op.padding
    attributes: dict[str, Any] = {
        "kernel_shape": list(op.kernel),
        "strides": list(op.stride),
        "pads": [top, left, bottom, right],
        "dilations": list(op.dilation),
        "group": op.groups,
    }
    if place.output.quant is None and op.weight.quant is not None and not op.weight.is_decoded:
        place.done(_dynamic(place, op, x, shape, attributes))
        return
    weight = weight_of(place, op.weight, (0, 3, 1, 2), 0)
    wires = [x, weight, *bias_of(place, op.bias)]
    wire = place.apply(
        "Conv", wires, shape, order=CHANNELS_FIRST, activation=op.activation, **attributes
    )
    place.done(wire)


def write_linear(place: Place, op: Linear) -> None:
    """Write Gemm, whose operand has two axes."""
    out, features = op.weight.shape
    x = place.operand(0)
    rows = math.prod(x.shape[:-1])
    flat = place.reshaped(x, (rows, features))
    if place.output.quant is None and op.weight.quant is not None and not op.weight.is_decoded:
        made = _dynamic(place, op, flat, (rows, out), {})
    else:
        weight = weight_of(place, op.weight, (1, 0), 1)
        wires = [flat, weight, *bias_of(place, op.bias)]
        made = place.apply("Gemm", wires, (rows, out), activation=op.activation)
    place.done(place.reshaped(made, place.output.shape))


def write_matmul(place: Place, op: MatMul) -> None:
    """Write MatMul; a factor is a product with a constant before it."""
    a, b = place.operand(0), place.operand(1)
    if op.transpose_b:
        rank = len(b.shape)
        turned = place.draft.laid(b, (*range(rank - 2), rank - 1, rank - 2))
        b = replace(turned, order=identity(rank))
    if op.scale != 1.0:
        a = scaled(place, a, op.scale)
    place.done(place.apply("MatMul", [a, b], place.output.shape))


def scaled(place: Place, x: Wire, factor: float) -> Wire:
    """Return factor * x; codes stay as they are and mean something else.

    That is the product with a constant whose code is 1, and whose scale is the factor.
    """
    if x.quant is None:
        return place.apply("Mul", [x, place.reals("factor", np.asarray(factor))], x.shape)
    one = np.ones((), x.quant.dtype)
    encoding = Quant(scale=(factor,), bits=x.quant.bits, signed=x.quant.signed)
    name = place.draft.constant(f"{place.stem}.one", one)
    constant = Wire(name=name, shape=(), order=(), quant=encoding, values=one)
    meant = replace(x.quant, scale=(float(np.float32(x.quant.scale[0] * factor)),))
    return place.apply("Mul", [x, constant], x.shape, order=x.order, quant=meant)


def weight_of(place: Place, weight: Weight, axes: Shape, channel: int) -> Wire:
    """Return the constant that multiplies, its axes moved to where ONNX has them."""
    codes = np.ascontiguousarray(weight.codes.transpose(axes))
    stem = f"{place.stem}.weight"
    draft = place.draft
    if weight.quant is None:
        name = weight_constant(place, weight, stem, codes)
        return Wire(name=name, shape=codes.shape, order=identity(codes.ndim), values=codes)
    quant = weight.quant
    is_real = weight.is_decoded and place.inputs[0].quant is None
    if not is_real and (quant.group is not None or quant.bits > _BYTE):
        what = f"{quant.bits} bits" if quant.bits > _BYTE else "a scale per group"
        raise place.refusal(
            f"ONNX Runtime has no integer kernel for weights of {what}",
            "quantize with group=0 and at most 8 bits, or .hwsim holds it",
        )
    if is_real:
        return _decoded(place, weight, quant, axes)
    if quant.axis is not None:
        quant = replace(quant, axis=channel)
    if _written_bits(place, quant) == _NIBBLE:
        packed = weight_constant(place, weight, f"{stem}.packed", codes, _NIBBLE)
        name = draft.emit("Cast", [packed], stem, attributes={"to": _INT8})
    else:
        name = weight_constant(place, weight, stem, codes)
    # Signs are the codes -1 and +1 there.
    quant = replace(quant, bits=8 * quant.dtype.itemsize, is_bipolar=False)
    return Wire(name=name, shape=codes.shape, order=identity(codes.ndim), quant=quant, values=codes)


def _written_bits(place: Place, quant: Quant) -> int:
    """Return the bits that a weight takes in the file, and note it where these are more."""
    is_packed = quant.bits <= _NIBBLE and quant.signed
    bits = _NIBBLE if is_packed else 8 * quant.dtype.itemsize
    place.draft.notes.written_wide(place.node, quant.bits, bits)
    return bits


def _decoded(place: Place, weight: Weight, quant: Quant, axes: Shape) -> Wire:
    """Return the reals that codes mean, decoded as they lie here, output channels first.

    Blocks of DequantizeLinear lie along one axis of rows [out, rest], the last of a row being what
    is left. Right before a product ONNX Runtime would replace a DequantizeLinear by a kernel that
    rounds activations to 8 bits; a Transpose between them keeps it.
    """
    draft, stem = place.draft, f"{place.stem}.weight"
    bits = _NIBBLE if _written_bits(place, quant) == _NIBBLE else None
    spread: Shape = () if quant.axis is None else (weight.shape[0],)
    attributes: dict[str, Any] = {} if quant.axis is None else {"axis": 0}
    if quant.group is not None:
        spread, attributes = (weight.shape[0], -1), {"axis": 1, "block_size": quant.group}
    zeros = np.asarray(quant.zero_point, quant.dtype).reshape(spread)
    codes = weight.codes if quant.group is None else weight.matrix
    operands = [
        weight_constant(place, weight, stem, codes, bits),
        draft.constant(f"{stem}.scale", np.asarray(quant.scale, np.float32).reshape(spread)),
        draft.constant(f"{stem}.zero_point", zeros, bits=bits),
    ]
    real = draft.emit("DequantizeLinear", operands, f"{stem}.real", attributes=attributes)
    if quant.group is not None:
        sizes = place.integers("weight.shape", weight.shape)
        real = draft.emit("Reshape", [real, sizes], f"{stem}.shaped")
    turned = draft.emit("Transpose", [real], f"{stem}.turned", attributes={"perm": list(axes)})
    shape = tuple(weight.shape[axis] for axis in axes)
    return Wire(name=turned, shape=shape, order=identity(len(shape)))


def bias_of(place: Place, bias: Weight | None) -> list[Wire]:
    """Return the constant that is added, if there is one."""
    if bias is None:
        return []
    name = place.draft.constant(f"{place.stem}.bias", bias.codes)
    return [Wire(name=name, shape=bias.shape, order=(0,), quant=bias.quant, values=bias.codes)]


def _dynamic(
    place: Place, op: Conv2d | Linear, x: Wire, shape: Shape, attributes: dict[str, Any]
) -> Wire:
    """Write a layer of reals with integer weights: its input is quantized as it comes."""
    draft, stem = place.draft, place.stem
    is_conv = bool(attributes)
    axes = (0, 3, 1, 2) if is_conv else (1, 0)
    weight = weight_of(place, op.weight, axes, 0 if is_conv else 1)
    assert weight.quant is not None
    codes = draft.emit("DynamicQuantizeLinear", [x.name], f"{stem}.codes", results=3)
    inputs = [codes, weight.name, f"{codes}.2"]
    if any(weight.quant.zero_point):
        inputs.append(draft.scale(weight.quant, weight.name)[1])
    kind = "ConvInteger" if is_conv else "MatMulInteger"
    sums = draft.emit(kind, inputs, f"{stem}.sums", name=place.node.name, attributes=attributes)
    real = draft.emit("Cast", [sums], f"{stem}.real", attributes={"to": _FLOAT})
    spread = (-1, 1, 1) if is_conv else (-1,)
    scales = place.reals("scales", np.asarray(weight.quant.scale).reshape(spread))
    factor = draft.emit("Mul", [f"{codes}.1", scales.name], f"{stem}.factor")
    is_last = op.bias is None and op.activation == "none"
    made = draft.emit("Mul", [real, factor], stem if is_last else f"{stem}.scaled")
    if op.bias is not None:
        bias = place.reals("bias", op.bias.real().reshape(spread))
        made = draft.emit("Add", [made, bias.name], f"{stem}.biased")
    made = place.bounded(made, op.activation, stem)
    order = CHANNELS_FIRST if is_conv else identity(len(shape))
    return Wire(name=made, shape=shape, order=order)
