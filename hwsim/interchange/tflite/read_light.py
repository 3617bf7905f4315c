"""The operators of TensorFlow Lite that touch elements, reduce axes or resize images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tflite

from hwsim.errors import InterchangeError
from hwsim.ops import (
    Binary,
    Conv2dTranspose,
    Elementary,
    LeakyRelu,
    LogSoftmax,
    Maximum,
    Mean,
    Minimum,
    PRelu,
    ReduceMax,
    ReduceMin,
    ResizeBilinear,
    ResizeNearest,
    Sum,
    Tile,
)
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.interchange.tflite.read_call import Call
    from hwsim.op import Op
    from hwsim.ops._interpolation import Positions


def _log_softmax(call: Call) -> Op:
    quant = call.tensors.type(call.outputs[0]).quant
    if quant is not None and (quant.scale, quant.zero_point) != ((1 / 16,), (quant.high,)):
        raise InterchangeError(
            f"{call.where}: an integer result needs scale 1/16 and zero point {quant.high}, got "
            f"{quant.scale[0]:g} and {quant.zero_point[0]}"
        )
    return LogSoftmax()


def _reduction(kind: type[Mean | Sum | ReduceMax | ReduceMin]) -> Callable[[Call], Op]:
    def read(call: Call) -> Op:
        rank = len(call.shape(call.inputs[0]))
        axes = {int(axis) % rank for axis in call.tensors.constant(call.inputs[1]).reshape(-1)}
        keep = call.read(tflite.ReducerOptions).KeepDims()
        return kind(axes=tuple(sorted(axes)), keep_axes=bool(keep))

    return read


def _prelu(call: Call) -> Op:
    alpha = call.tensors.weight(call.inputs[1])
    channels = call.shape(call.inputs[0])[-1]
    if alpha.codes.size not in (1, channels) or alpha.shape[-1] not in (1, channels):
        raise InterchangeError(
            f"{call.where}: expected one slope, or one for each of {channels} channels, got "
            f"slopes of {list(alpha.shape)}"
        )
    return PRelu(alpha=Weight(codes=alpha.codes.reshape(-1), quant=alpha.quant))


def _positions(call: Call, options: Any) -> Positions:
    if options.AlignCorners() and options.HalfPixelCenters():
        raise InterchangeError(
            f"{call.where}: align_corners and half_pixel_centers together are not supported"
        )
    if options.AlignCorners():
        return "align_corners"
    return "half_pixel" if options.HalfPixelCenters() else "asymmetric"


def _resize(kind: type[ResizeBilinear | ResizeNearest], table: Any) -> Callable[[Call], Op]:
    def read(call: Call) -> Op:
        _, height, width, _ = call.shape(call.outputs[0])
        return kind(size=(height, width), positions=_positions(call, call.read(table)))

    return read


def transposed_window(
    extent: int, made: int, kernel: int, stride: int, *, is_same: bool
) -> tuple[tuple[int, int], int]:
    """Return how much a padding scheme cuts off before and behind, and adds behind, on one axis.

    Args:
        extent: Of the image.
        made: Of the result.
        kernel: Of the weight.
        stride: Of the pixels in the result.
        is_same: SAME, not VALID.
    """
    # As if a convolution made the image of the result: an odd cut goes behind.
    positions = -(-made // stride) if is_same else (made + stride - kernel) // stride
    cut = max((positions - 1) * stride + kernel - made, 0) // 2
    missing = made + cut - ((extent - 1) * stride + kernel)
    return (cut, max(-missing, 0)), max(missing, 0)


def _transposed_conv(call: Call) -> Op:
    """Read a transposed convolution: its operands are result shape, weight, image, bias."""
    options = call.read(tflite.TransposeConvOptions)
    weight = call.tensors.weight(call.inputs[1])
    stride = (options.StrideH(), options.StrideW())
    same = options.Padding() == tflite.Padding.SAME
    before, after = call.shape(call.inputs[2]), call.shape(call.outputs[0])
    cuts: list[tuple[int, int]] = []
    extra: list[int] = []
    for axis in range(2):
        extents = before[axis + 1], after[axis + 1]
        cut, added = transposed_window(*extents, weight.shape[axis + 1], stride[axis], is_same=same)
        cuts.append(cut)
        extra.append(added)
    return Conv2dTranspose(
        weight=weight,
        bias=call.tensors.bias((call.inputs[2], call.inputs[1], *call.inputs[3:])),
        stride=stride,
        padding=(cuts[0], cuts[1]),
        extra=(extra[0], extra[1]),
        activation=call.activation(options),
    )


def _tile(call: Call) -> Op:
    repeats = call.tensors.constant(call.inputs[1]).reshape(-1)
    return Tile(repeats=tuple(int(times) for times in repeats))


def _elementary(function: Any) -> Callable[[Call], Op]:
    return lambda call: Elementary(function=function)


def _neg(call: Call) -> Op:
    if call.tensors.type(call.inputs[0]).quant is not None:
        raise InterchangeError(
            f"{call.where}: integers are not supported: the kernel negates codes whatever they mean"
        )
    return Elementary(function="neg")


def _binary(function: Any) -> Callable[[Call], Op]:
    def read(call: Call) -> Op:
        if function == "div" and call.activation(call.read(tflite.DivOptions)) != "none":
            raise InterchangeError(f"{call.where}: a fused activation is not supported here")
        return Binary(function=function)

    return read


def _gelu(call: Call) -> Op:
    quant = call.tensors.type(call.outputs[0]).quant
    if quant is not None and quant.bits == 16:
        raise InterchangeError(f"{call.where}: codes of 16 bits are not supported here")
    is_approximate = call.read(tflite.GeluOptions).Approximate()
    return Elementary(function="gelu_tanh" if is_approximate else "gelu")


LIGHT_READERS: dict[str, Callable[[Call], Op]] = {
    "ABS": _elementary("abs"),
    "CEIL": _elementary("ceil"),
    "DIV": _binary("div"),
    "ELU": _elementary("elu"),
    "EXP": _elementary("exp"),
    "FLOOR": _elementary("floor"),
    "GELU": _gelu,
    "HARD_SWISH": _elementary("hard_swish"),
    "LEAKY_RELU": lambda call: LeakyRelu(alpha=call.read(tflite.LeakyReluOptions).Alpha()),
    "LOG": _elementary("log"),
    "LOG_SOFTMAX": _log_softmax,
    "MAXIMUM": lambda call: Maximum(),
    "MEAN": _reduction(Mean),
    "MINIMUM": lambda call: Minimum(),
    "NEG": _neg,
    "POW": _binary("pow"),
    "PRELU": _prelu,
    "REDUCE_MAX": _reduction(ReduceMax),
    "REDUCE_MIN": _reduction(ReduceMin),
    "RELU_0_TO_1": _elementary("relu_0_to_1"),
    "RELU_N1_TO_1": _elementary("relu_n1_to_1"),
    "RESIZE_BILINEAR": _resize(ResizeBilinear, tflite.ResizeBilinearOptions),
    "RESIZE_NEAREST_NEIGHBOR": _resize(ResizeNearest, tflite.ResizeNearestNeighborOptions),
    "ROUND": _elementary("round"),
    "RSQRT": _elementary("rsqrt"),
    "SQRT": _elementary("sqrt"),
    "SQUARE": _elementary("square"),
    "SQUARED_DIFFERENCE": _binary("squared_difference"),
    "SUM": _reduction(Sum),
    "TILE": _tile,
    "TRANSPOSE_CONV": _transposed_conv,
}
"""Operators that are one op each."""
