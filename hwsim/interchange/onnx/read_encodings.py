"""What the integers of an ONNX model mean: scales and zero points, wherever a node tells them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from hwsim.errors import InterchangeError
from hwsim.interchange.onnx.read_proto import domain_of
from hwsim.numerics import Quant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onnx import NodeProto, ValueInfoProto

    from hwsim.arrays import Array
    from hwsim.interchange.onnx.read_call import Known
    from hwsim.interchange.onnx.read_proto import Readers

_REALS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
WIDTHS: Mapping[int, tuple[int, bool]] = {
    TensorProto.INT2: (2, True),
    TensorProto.UINT2: (2, False),
    TensorProto.INT4: (4, True),
    TensorProto.UINT4: (4, False),
    TensorProto.INT8: (8, True),
    TensorProto.UINT8: (8, False),
    TensorProto.INT16: (16, True),
    TensorProto.UINT16: (16, False),
    TensorProto.INT32: (32, True),
}
"""Bits and sign of each type that holds codes; int32 holds biases and sums."""

_BY_NAME = {TensorProto.DataType.Name(code).lower(): width for code, width in WIDTHS.items()}
_WIDEST_ACTIVATION = 16
# Operators that hand codes on as they are; the next one may say what they mean.
_PASSING = ("Flatten", "Identity", "MaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze")

_ONE = ((0, 1, 2),)
_TWO = ((0, 1, 2), (3, 4, 5))
ENCODED: Mapping[str, tuple[tuple[int, int, int], ...]] = {
    "DequantizeLinear": _ONE,
    "QLinearConv": _TWO,
    "QLinearMatMul": _TWO,
    "com.microsoft.DequantizeLinear": _ONE,
    "com.microsoft.QGemm": _TWO,
    "com.microsoft.QLinearAdd": _TWO,
    "com.microsoft.QLinearAveragePool": _ONE,
    "com.microsoft.QLinearGlobalAveragePool": _ONE,
    "com.microsoft.QLinearLeakyRelu": _ONE,
    "com.microsoft.QLinearMul": _TWO,
    "com.microsoft.QLinearSigmoid": _ONE,
    "com.microsoft.QLinearSoftmax": _ONE,
}
"""Where an operator's integer operands are, each with its scale and its zero point."""

_ZERO_POINTS = {"ConvInteger": {0: 2, 1: 3}, "MatMulInteger": {0: 2, 1: 3}}


def quant_of(
    scale: Array, zero_point: Array | None, width: tuple[int, bool], axis: int | None, where: str
) -> Quant:
    """Return the encoding that a node tells.

    Args:
        scale: One, or one per index of `axis`.
        zero_point: As many; None for zero.
        width: Bits and sign of the codes.
        axis: Counted from the front; None per tensor.
        where: `graph/node`, for messages.

    Raises:
        InterchangeError: A scale is not positive, or the counts differ.
    """
    scales = [float(s) for s in np.asarray(scale, np.float64).reshape(-1)]
    zeros = [0] * len(scales)
    if zero_point is not None and zero_point.size:
        zeros = [int(z) for z in zero_point.astype(np.int64).reshape(-1)]
    if not all(s > 0 and math.isfinite(s) for s in scales) or len(zeros) != len(scales):
        raise InterchangeError(
            f"{where}: expected positive scales and as many zero points, got {scales[:4]} "
            f"and {zeros[:4]}"
        )
    bits, signed = width
    return Quant(
        scale=tuple(scales),
        zero_point=tuple(zeros),
        axis=axis if len(scales) > 1 else None,
        bits=bits,
        signed=signed,
    )


def width_of(codes: Array, where: str) -> tuple[int, bool]:
    """Return bits and sign of an array of codes.

    Raises:
        InterchangeError: Its type holds no codes.
    """
    if codes.dtype.name not in _BY_NAME:
        raise InterchangeError(
            f"{where}: {codes.dtype.name} holds no codes that are known here; expected one of "
            f"{', '.join(_BY_NAME)}"
        )
    return _BY_NAME[codes.dtype.name]


def input_encoding(
    info: ValueInfoProto, readers: Readers, known: Mapping[str, Known], where: str
) -> Quant | None:
    """Return the encoding of a graph input, as the first node says that tells; None for reals.

    Integers that nobody explains count in steps of 1.

    Raises:
        InterchangeError: It is of a type that does not flow.
    """
    code = info.type.tensor_type.elem_type
    if code in _REALS:
        return None
    if code not in WIDTHS or WIDTHS[code][0] > _WIDEST_ACTIVATION:
        name = TensorProto.DataType.Name(code) if code in TensorProto.DataType.values() else code
        raise InterchangeError(
            f"{where}: expected reals or codes of at most {_WIDEST_ACTIVATION} bits, got "
            f"{str(name).lower()}; make it an initializer"
        )
    waiting = [info.name]
    for tensor in waiting:
        for node in readers.of(tensor):
            if node.op_type in _PASSING:
                waiting += [out for out in node.output[:1] if out not in waiting]
            told = _told(node, tensor, known)
            if told is not None:
                return quant_of(told[0], told[1], WIDTHS[code], None, where)
    return Quant(scale=(1.0,), bits=WIDTHS[code][0], signed=WIDTHS[code][1])


def _told(
    node: NodeProto, tensor: str, known: Mapping[str, Known]
) -> tuple[Array, Array | None] | None:
    """Return the scale and zero point that `node` says `tensor` has."""
    domain = domain_of(node.domain)
    op = f"{domain}.{node.op_type}" if domain else node.op_type
    if op in _ZERO_POINTS:
        place = _ZERO_POINTS[op].get(list(node.input).index(tensor))
        return None if place is None else (np.ones(1), _constant(node.input, place, known))
    if op == "com.microsoft.QLinearConcat":
        triples = tuple((i, i + 1, i + 2) for i in range(2, len(node.input) - 2, 3))
    else:
        triples = ENCODED.get(op, ())
    for codes, scale, zero in triples:
        if codes < len(node.input) and node.input[codes] == tensor:
            real = _constant(node.input, scale, known)
            if real is not None and real.size == 1:
                return real, _constant(node.input, zero, known)
    return None


def _constant(names: Sequence[str], place: int, known: Mapping[str, Known]) -> Array | None:
    found = known.get(names[place]) if place < len(names) else None
    return found if isinstance(found, np.ndarray) else None
