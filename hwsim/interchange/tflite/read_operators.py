"""The operators of TensorFlow Lite, each read as an op."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tflite

from hwsim.errors import InterchangeError
from hwsim.interchange.tflite.read_light import LIGHT_READERS
from hwsim.interchange.tflite.read_lstm import read_lstm
from hwsim.interchange.tflite.read_wide import WIDE_READERS, require_bias_type
from hwsim.ops import (
    AveragePool2d,
    Concat,
    Conv2d,
    Dequantize,
    Elementary,
    Linear,
    MaxPool2d,
    Mul,
    Pad,
    Quantize,
    Reshape,
    Transpose,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.interchange.tflite.read_call import Call
    from hwsim.op import Op


def _conv(call: Call) -> Op:
    options = call.read(tflite.Conv2DOptions)
    require_bias_type(call, options)
    weight = call.tensors.weight(call.inputs[1])
    stride = (options.StrideH(), options.StrideW())
    dilation = (options.DilationHFactor(), options.DilationWFactor())
    kernel = (weight.shape[1], weight.shape[2])
    return Conv2d(
        weight=weight,
        bias=call.tensors.bias(call.inputs),
        stride=stride,
        dilation=dilation,
        padding=call.padding(options, kernel, stride, dilation),
        groups=call.shape(call.inputs[0])[3] // weight.shape[3],
        activation=call.activation(options),
    )


def _depthwise(call: Call) -> Op:
    options = call.read(tflite.DepthwiseConv2DOptions)
    require_bias_type(call)
    weight = call.tensors.depthwise_weight(call.inputs[1])
    stride = (options.StrideH(), options.StrideW())
    dilation = (options.DilationHFactor(), options.DilationWFactor())
    kernel = (weight.shape[1], weight.shape[2])
    return Conv2d(
        weight=weight,
        bias=call.tensors.bias(call.inputs),
        stride=stride,
        dilation=dilation,
        padding=call.padding(options, kernel, stride, dilation),
        groups=call.shape(call.inputs[0])[3],
        activation=call.activation(options),
    )


def _linear(call: Call) -> Op:
    options = call.read(tflite.FullyConnectedOptions)
    if options.WeightsFormat() != 0:
        raise InterchangeError(f"{call.where}: shuffled weights are not supported")
    require_bias_type(call, options)
    return Linear(
        weight=call.tensors.weight(call.inputs[1]),
        bias=call.tensors.bias(call.inputs),
        activation=call.activation(options),
    )


def _pool(kind: type[AveragePool2d | MaxPool2d]) -> Callable[[Call], Op]:
    def read(call: Call) -> Op:
        options = call.read(tflite.Pool2DOptions)
        kernel = (options.FilterHeight(), options.FilterWidth())
        stride = (options.StrideH(), options.StrideW())
        return kind(
            kernel=kernel,
            stride=stride,
            padding=call.padding(options, kernel, stride),
            activation=call.activation(options),
        )

    return read


def _concat(call: Call) -> Op:
    options = call.read(tflite.ConcatenationOptions)
    if call.activation(options) != "none":
        raise InterchangeError(f"{call.where}: a fused activation is not supported here")
    return Concat(axis=options.Axis())


def _pad(call: Call) -> Op:
    pairs = call.tensors.constant(call.inputs[1]).reshape(-1, 2)
    return Pad(padding=tuple((int(before), int(after)) for before, after in pairs))


def _reshape(call: Call) -> Op:
    """Read any op that moves no element; the file says the result's shape."""
    return Reshape(shape=call.shape(call.outputs[0]))


def _transpose(call: Call) -> Op:
    return Transpose(axes=tuple(int(axis) for axis in call.tensors.constant(call.inputs[1])))


def _elementary(function: Any) -> Callable[[Call], Op]:
    return lambda call: Elementary(function=function)


READERS: dict[str, Callable[[Call], Op]] = {
    **LIGHT_READERS,
    **WIDE_READERS,
    "AVERAGE_POOL_2D": _pool(AveragePool2d),
    "CONCATENATION": _concat,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "DEQUANTIZE": lambda call: Dequantize(),
    "EXPAND_DIMS": _reshape,
    "FULLY_CONNECTED": _linear,
    "MAX_POOL_2D": _pool(MaxPool2d),
    "MUL": lambda call: Mul(activation=call.activation(call.read(tflite.MulOptions))),
    "PAD": _pad,
    "QUANTIZE": lambda call: Quantize(),
    "RELU": _elementary("relu"),
    "RELU6": _elementary("relu6"),
    "RESHAPE": _reshape,
    "SQUEEZE": _reshape,
    "TRANSPOSE": _transpose,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": read_lstm,
}
"""Every TFLite operator that can be read. A new one is a line here."""
