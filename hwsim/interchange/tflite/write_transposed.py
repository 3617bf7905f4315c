"""Transposed convolutions, as TFLite operators."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.formats import Dense
from hwsim.interchange.tflite.read_light import transposed_window
from hwsim.interchange.tflite.write_products import SCHEMES
from hwsim.interchange.tflite.write_sparse import add_weight
from hwsim.interchange.tflite.write_weights import layer_bias, layer_weight

if TYPE_CHECKING:
    from hwsim.interchange.tflite.write_place import Place
    from hwsim.ops import Conv2dTranspose
    from hwsim.tensor import Weight


def write_transposed_conv(place: Place, op: Conv2dTranspose) -> None:
    """Write TRANSPOSE_CONV; a STRIDED_SLICE after it where no scheme cuts that much off.

    It has neither groups nor dilation: zeros stand for them, which change no sum.
    """
    if op.groups != 1 or op.dilation != (1, 1):
        op = replace(op, weight=_filled(op), groups=1, dilation=(1, 1))
    scheme = next((name for name in SCHEMES if _is_made_by(place, op, name)), None)
    if scheme is not None:
        _write(place, op, scheme, place.node.outputs[0])
        return
    if any(extra >= stride for extra, stride in zip(op.extra, op.stride, strict=True)):
        raise place.refusal(
            f"TRANSPOSE_CONV adds less than a stride to its result, got {op.extra} beside "
            f"{op.stride}; pad in an op of its own"
        )
    (top, bottom), (left, right) = op.padding
    batch, height, width, channels = place.output.shape
    shape = (batch, height + top + bottom, width + left + right, channels)
    whole = place.temporary("whole", replace(place.output, shape=shape))
    _write(place, op, "valid", whole)
    bounds = [
        place.integers("start", (0, top, left, 0)),
        place.integers("stop", (batch, top + height, left + width, channels)),
        place.integers("step", (1, 1, 1, 1)),
    ]
    place.call("STRIDED_SLICE", whole, *bounds, table="StridedSliceOptions")


def _filled(op: Conv2dTranspose) -> Weight:
    """Return the same layer's weight of one group without dilation: [out, reach, reach, in]."""
    out, height, width, depth = op.weight.shape
    reach = [(n - 1) * by + 1 for n, by in zip((height, width), op.dilation, strict=True)]
    quant = op.weight.quant
    zero = 0 if quant is None else quant.zero_point[0]
    codes = np.full((out, *reach, depth * op.groups), zero, op.weight.codes.dtype)
    rows = out // op.groups
    for group in range(op.groups):
        part = slice(group * rows, (group + 1) * rows)
        inputs = slice(group * depth, (group + 1) * depth)
        taps = codes[part, :: op.dilation[0], :: op.dilation[1], inputs]
        taps[...] = op.weight.codes[part]
    return replace(op.weight, codes=codes, format=Dense())


def _is_made_by(place: Place, op: Conv2dTranspose, scheme: str) -> bool:
    """Whether `scheme` cuts off and adds exactly what `op` does."""
    return all(
        transposed_window(
            place.inputs[0].shape[i + 1],
            place.output.shape[i + 1],
            op.kernel[i],
            op.stride[i],
            is_same=scheme == "same",
        )
        == (op.padding[i], op.extra[i])
        for i in range(2)
    )


def _write(place: Place, op: Conv2dTranspose, scheme: str, result: str) -> None:
    shape = place.integers("shape", place.draft.tensors[result].shape)
    weight = layer_weight(place, op.weight, "TRANSPOSE_CONV")
    operands = [shape, add_weight(place, op.weight, weight), place.node.inputs[0]]
    if op.bias is not None:
        operands.append(layer_bias(place, weight, op.bias))
    version = 1 if op.bias is None else 3
    place.call(
        "TRANSPOSE_CONV",
        *operands,
        table="TransposeConvOptions",
        version=version if op.activation == "none" else 4,
        outputs=(result,),
        activation=op.activation,
        Padding=SCHEMES[scheme],
        StrideH=op.stride[0],
        StrideW=op.stride[1],
    )
