"""Read layers of integer weights that quantize their inputs as they arrive.

ONNX spells one of them with five nodes: DynamicQuantizeLinear, MatMulInteger or ConvInteger, Cast,
and two Mul that bring the sums back to reals. What lies between the nodes is no tensor here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange._builder import Value
from hwsim.interchange.onnx.read_call import Arriving, Codes, Scaled, Sums, with_operands
from hwsim.interchange.onnx.read_elementwise import ARITHMETIC, combined
from hwsim.interchange.onnx.read_encodings import quant_of, width_of
from hwsim.interchange.onnx.read_layers import LAYERS
from hwsim.interchange.onnx.read_products import PRODUCTS
from hwsim.interchange.onnx.read_shapes import SHAPES
from hwsim.numerics import Quant
from hwsim.ops import Add, Quantize
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import Array
    from hwsim.interchange._builder import Builder
    from hwsim.interchange.onnx.read_call import Call, Known, Layer


def _quantized_on_arrival(builder: Builder, call: Call) -> tuple[Known, ...]:
    del builder
    x = call.x
    return tuple(Arriving(x, part) for part in ("codes", "scale", "zero point"))


def _sums(builder: Builder, call: Call) -> Known:
    """Return the sums of a product with constant codes; who scales them makes the layer."""
    del builder
    given = call.operands[0] if call.operands else None
    zero_point = call.operands[2] if call.given(2) else None
    if isinstance(given, Arriving) and given.part == "codes":
        if not isinstance(zero_point, Arriving) or zero_point.x.tensor != given.x.tensor:
            raise call.error("the zero point of DynamicQuantizeLinear", "another")
        x = given.x
    elif isinstance(given, Codes):
        x = given.value
        told = 0 if zero_point is None else int(call.needed(2).reshape(-1)[0])
        if x.quant is not None and told != x.quant.zero_point[0]:
            raise call.error(f"zero point {x.quant.zero_point[0]}", str(told))
    else:
        raise call.error("integers that depend on the input", "others")
    codes = call.needed(1)
    width = width_of(codes, call.where)
    zeros = np.zeros(1) if call.array(3) is None else call.needed(3)
    quant = quant_of(np.ones(zeros.size), zeros, width, _channels(call, codes), call.where)
    return Sums(call, x, Weight(codes=codes, quant=quant))


def _channels(call: Call, codes: Array) -> int:
    """Return the axis of the output channels."""
    return 0 if call.op == "ConvInteger" else codes.ndim - 1


def _cast(builder: Builder, call: Call) -> Known | tuple[Known, ...]:
    given = call.operands[0] if call.operands else None
    return given if isinstance(given, Sums) else SHAPES["Cast"](builder, call)


def _mul(builder: Builder, call: Call) -> Known | tuple[Known, ...]:
    sums = [o for o in call.operands if isinstance(o, Sums)]
    scales = [o for o in call.operands if isinstance(o, Arriving | Scaled)]
    constants = [o for o in call.operands if isinstance(o, np.ndarray)]
    match sums, scales, constants:
        case ([], [scale], [factor]):
            before = scale.factor if isinstance(scale, Scaled) else 1.0
            return Scaled(scale.x, before * factor.astype(np.float64))
        case ([made], [scale], []) if scale.x.tensor == made.x.tensor and made.x.quant is None:
            factor = scale.factor if isinstance(scale, Scaled) else np.ones(1)
            return _layer(builder, call, made, factor)
        case ([made], [], [factor]) if made.x.quant is not None:
            return _layer(builder, call, made, factor / np.float64(made.x.quant.scale[0]))
        case ([], [], _):
            return ARITHMETIC["Mul"](builder, call)
        case _:
            raise call.error("sums, the scale of their input and a constant", "others")


def _layer(builder: Builder, call: Call, sums: Sums, factor: Array) -> Value:
    """Return the layer whose sums come in steps of `factor`, one or one per output."""
    codes, quant = sums.weight.codes, sums.weight.quant
    assert quant is not None
    axis = _channels(sums.call, codes)
    if factor.size not in (1, codes.shape[axis]):
        raise call.error(f"a scale per output, {codes.shape[axis]}", str(factor.size))
    count = max(factor.size, len(quant.zero_point))
    scale = np.broadcast_to(np.asarray(factor, np.float32).reshape(-1), count)
    zeros = np.broadcast_to(quant.zero_point, count)
    quant = quant_of(scale, zeros, (quant.bits, quant.signed), axis, call.where)
    return layer_of(builder, call, sums, Weight(codes=codes, quant=quant))


def layer_of(builder: Builder, call: Call, sums: Sums, weight: Weight) -> Value:
    """Return the layer of real operands, its weight still of integers."""
    layer = LAYERS["Conv"] if sums.call.op == "ConvInteger" else PRODUCTS["MatMul"]
    plain = with_operands(sums.call, sums.x, weight)
    inner = replace(plain, name=call.name, keeps_codes=sums.x.quant is None)
    made = layer(builder, inner)
    if not isinstance(made, Value):
        raise call.error("one operand that depends on the input", "none")
    return made


def unscaled(builder: Builder, name: str, sums: Sums) -> Value:
    """Return the sums themselves, as codes of 32 bits.

    Raises:
        InterchangeError: Their operand has no codes, or a scale that the model does not look at.
    """
    x = sums.x.quant
    if x is None or x.scale != (1.0,):
        raise sums.call.error("a Mul that scales the sums", "none")
    call = replace(sums.call, name=f"{name}.real")
    y = layer_of(builder, call, sums, sums.weight)
    return builder.emit(name, Quantize(), (y,), y.order, Quant(scale=(1.0,), bits=32))


def _dynamic_matmul(builder: Builder, call: Call) -> Known:
    """Read com.microsoft.DynamicQuantizeMatMul: all of it in one node."""
    codes, scale = call.needed(1), call.needed(2)
    zeros = call.array(3)
    axis = codes.ndim - 1
    width = width_of(codes, call.where)
    quant = quant_of(scale, zeros, width, axis, call.where)
    sums = Sums(call, call.x, Weight(codes=codes, quant=quant))
    y = layer_of(builder, call, sums, Weight(codes=codes, quant=quant))
    bias = call.array(4)
    return y if bias is None else combined(builder, f"{call.name}.sum", Add(), y, bias)


DYNAMIC: Mapping[str, Layer] = {
    "Cast": _cast,
    "ConvInteger": _sums,
    "DynamicQuantizeLinear": _quantized_on_arrival,
    "MatMulInteger": _sums,
    "Mul": _mul,
    "com.microsoft.DynamicQuantizeMatMul": _dynamic_matmul,
}
