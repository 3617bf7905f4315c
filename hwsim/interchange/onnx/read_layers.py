"""Read convolutions and pools."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange._axis_orders import NHWC
from hwsim.interchange._builder import Value, as_weight
from hwsim.interchange.onnx.read_call import reals, turned
from hwsim.interchange.onnx.read_windows import as_given, image, transposed_windows, windows_of
from hwsim.ops import (
    AveragePool2d,
    Conv2d,
    Conv2dTranspose,
    MaxPool2d,
)
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import Array
    from hwsim.interchange._builder import Builder
    from hwsim.interchange.onnx.read_call import Call, Layer


# 16-bit weights have no integer products here.
_WIDEST = 8


def parameters(
    call: Call, x: Value, weight: Array | Weight, bias: Array | Weight | None
) -> tuple[Weight, Weight | None]:
    """Return weight and bias as integers where the layer can multiply them, else as float32.

    Integers are multiplied where the operand is encoded, or will be as it arrives, the weight has
    its scales per output channel, and the bias is in the unit of the sums: codes of 32 bits, the
    product of both scales. Beside a real operand such a weight stays integer, to be decoded.
    """
    wide = None if bias is None else _bias(x, weight, bias)
    is_encoded = x.quant is not None or call.keeps_codes
    if isinstance(weight, Weight) and is_encoded and _is_narrow(weight) and (bias is None or wide):
        return weight, wide
    if isinstance(weight, Weight) and x.quant is None and _is_narrow(weight):
        return replace(weight, is_decoded=True), None if bias is None else reals(bias)
    return reals(weight), None if bias is None else reals(bias)


def _is_narrow(weight: Weight) -> bool:
    quant = weight.quant
    return quant is not None and quant.axis in (None, 0) and quant.bits <= _WIDEST


def _bias(x: Value, weight: Array | Weight, bias: Array | Weight) -> Weight | None:
    """Return `bias` as int32 codes in the unit of the sums, None where it is not."""
    if not isinstance(bias, Weight) or not isinstance(weight, Weight):
        return None
    if x.quant is None or weight.quant is None or bias.quant is None or bias.quant.bits != 32:
        return None
    unit = np.float32(x.quant.scale[0]) * np.asarray(weight.quant.scale, np.float32)
    if len(bias.quant.scale) not in (1, len(unit)):
        return None
    if not np.allclose(np.asarray(bias.quant.scale), unit, rtol=1e-5, atol=0):
        return None
    count = len(unit)
    quant = replace(
        bias.quant,
        scale=tuple(float(s) for s in unit),
        zero_point=(0,) * count,
        axis=0 if count > 1 else None,
    )
    is_zero = not any(bias.quant.zero_point)
    return Weight(codes=bias.codes.reshape(-1), quant=quant) if is_zero else None


def _conv(builder: Builder, call: Call) -> Value:
    x, weight, bias = call.x, call.known(1), call.known(2)
    if weight is None or len(weight.shape) not in (3, 4) or len(weight.shape) != len(x.shape):
        got = "none" if weight is None else str(list(weight.shape))
        raise call.error("a weight [out, in, height, width] or [out, in, length]", got)
    kernel = call.ints("kernel_shape", weight.shape[2:])
    if kernel != tuple(weight.shape[2:]):
        raise call.error(f"kernel_shape {list(weight.shape[2:])}", str(list(kernel)))
    windows = windows_of(call, x.shape[2:], kernel)
    turned_weight, turned_bias = parameters(
        call, x, turned(weight, (0, *range(2, len(weight.shape)), 1)), bias
    )
    shape = (weight.shape[0], *windows.kernel, weight.shape[1])
    op = Conv2d(
        weight=replace(turned_weight, codes=turned_weight.codes.reshape(shape)),
        bias=turned_bias,
        stride=windows.stride,
        padding=windows.padding,
        dilation=windows.dilation,
        groups=call.int_("group", 1),
    )
    y = builder.emit(call.name, op, (image(builder, call, x),), NHWC)
    return as_given(builder, call, y)


def _max_pool(builder: Builder, call: Call) -> Value:
    x = call.x
    windows = windows_of(call, x.shape[2:], call.ints("kernel_shape"))
    if windows.dilation != (1, 1):
        raise call.error("dilations 1", str(windows.dilation))
    op = MaxPool2d(kernel=windows.kernel, stride=windows.stride, padding=windows.reached)
    y = builder.emit(call.name, op, (image(builder, call, x),), NHWC, x.quant)
    return as_given(builder, call, y)


def _average_pool(builder: Builder, call: Call) -> Value:
    x = call.x
    windows = windows_of(call, x.shape[2:], call.ints("kernel_shape"))
    if windows.dilation != (1, 1):
        raise call.error("dilations 1", str(windows.dilation))
    counted = bool(call.int_("count_include_pad")) and windows.padding != ((0, 0), (0, 0))
    if counted and windows.reached != windows.padding:
        raise call.error("ceil_mode=0 where padding counts", "ceil_mode=1")
    op = AveragePool2d(
        kernel=windows.kernel,
        stride=windows.stride,
        padding=windows.reached,
        count_padding=counted,
    )
    y = builder.emit(call.name, op, (image(builder, call, x),), NHWC)
    return as_given(builder, call, y)


def _global(kind: type[AveragePool2d | MaxPool2d]) -> Layer:
    def read(builder: Builder, call: Call) -> Value:
        x = image(builder, call, call.x)
        kernel = (x.shape[2], x.shape[3])
        quant = x.quant if kind is MaxPool2d else None
        op = kind(kernel=kernel, stride=kernel)
        return as_given(builder, call, builder.emit(call.name, op, (x,), NHWC, quant))

    return read


def _conv_transpose(builder: Builder, call: Call) -> Value:
    x, weight = call.x, call.needed(1)
    if weight.ndim not in (3, 4) or weight.ndim != len(x.shape):
        raise call.error("a weight [in, out, height, width]", str(list(weight.shape)))
    groups = call.int_("group", 1)
    if groups < 1 or weight.shape[0] % groups:
        raise call.error(f"groups that divide {weight.shape[0]}", str(groups))
    windows, extra = transposed_windows(call, x.shape[2:], weight.shape[2:])
    inputs, outputs = weight.shape[0] // groups, weight.shape[1]
    parts = weight.reshape(groups, inputs, outputs, *windows.kernel).transpose(0, 2, 3, 4, 1)
    op = Conv2dTranspose(
        weight=as_weight(parts.reshape(-1, *windows.kernel, inputs)),
        bias=call.weight(2),
        stride=windows.stride,
        padding=windows.padding,
        extra=extra,
        dilation=windows.dilation,
        groups=groups,
    )
    y = builder.emit(call.name, op, (image(builder, call, x),), NHWC)
    return as_given(builder, call, y)


LAYERS: Mapping[str, Layer] = {
    "AveragePool": _average_pool,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "GlobalAveragePool": _global(AveragePool2d),
    "GlobalMaxPool": _global(MaxPool2d),
    "MaxPool": _max_pool,
}
