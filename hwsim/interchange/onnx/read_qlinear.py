"""Read the operators of integers: each is an op on reals between its encodings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.interchange._layouts import joined
from hwsim.interchange.onnx.read_activations import ACTIVATIONS
from hwsim.interchange.onnx.read_elementwise import ARITHMETIC
from hwsim.interchange.onnx.read_layers import LAYERS
from hwsim.interchange.onnx.read_products import PRODUCTS
from hwsim.interchange.onnx.read_quantized import (
    between_codes,
    decoded,
    dequantize,
    quantize,
    requantized,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.interchange._builder import Builder
    from hwsim.interchange.onnx.read_call import Call, Known, Layer


def _concat(builder: Builder, call: Call) -> Known:
    operands = [decoded(call, i, i + 1, i + 2) for i in range(2, len(call.operands), 3)]
    axis = call.axis(call.int_("axis"), len(operands[0].shape))
    real = joined(builder, f"{call.name}.real", operands, axis)
    return requantized(builder, call, real, (0, 1))


_MS = "com.microsoft"

QUANTIZED: Mapping[str, Layer] = {
    "DequantizeLinear": dequantize,
    "QLinearConv": between_codes(LAYERS["Conv"], (6, 7), 8),
    "QLinearMatMul": between_codes(PRODUCTS["MatMul"], (6, 7)),
    "QuantizeLinear": quantize,
    f"{_MS}.DequantizeLinear": dequantize,
    f"{_MS}.QGemm": between_codes(PRODUCTS["Gemm"], (7, 8), 6),
    f"{_MS}.QLinearAdd": between_codes(ARITHMETIC["Add"], (6, 7)),
    f"{_MS}.QLinearAveragePool": between_codes(LAYERS["AveragePool"], (3, 4)),
    f"{_MS}.QLinearConcat": _concat,
    f"{_MS}.QLinearGlobalAveragePool": between_codes(LAYERS["GlobalAveragePool"], (3, 4)),
    f"{_MS}.QLinearLeakyRelu": between_codes(ACTIVATIONS["LeakyRelu"], (3, 4)),
    f"{_MS}.QLinearMul": between_codes(ARITHMETIC["Mul"], (6, 7)),
    f"{_MS}.QLinearSigmoid": between_codes(ACTIVATIONS["Sigmoid"], (3, 4)),
    f"{_MS}.QLinearSoftmax": between_codes(PRODUCTS["Softmax"], (3, 4)),
    f"{_MS}.QuantizeLinear": quantize,
}
