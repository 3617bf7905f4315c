"""Layers that multiply, as TFLite operators."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.interchange.tflite.write_sparse import add_weight, stored_sparse
from hwsim.interchange.tflite.write_weights import layer_bias, layer_weight, no_bias
from hwsim.kernels.patches import same_padding

if TYPE_CHECKING:
    from hwsim.interchange.tflite.write_place import Place
    from hwsim.interchange.tflite.write_schema import Tensor
    from hwsim.kernels.patches import Padding, Pair
    from hwsim.ops import Conv2d, Linear, MatMul
    from hwsim.tensor import TensorType, Weight

SCHEMES: dict[str, int] = {"same": 0, "valid": 1}
"""Code of each padding scheme."""

_TABLES = {
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
}
# Since when operators take 4-bit and 2-bit weights. TensorFlow calls the depthwise one 7; LiteRT's
# reference kernels take it too, but only as 6.
_PACKED_VERSIONS = {
    ("CONV_2D", "int4"): 7,
    ("DEPTHWISE_CONV_2D", "int4"): 6,
    ("FULLY_CONNECTED", "int4"): 10,
    ("FULLY_CONNECTED", "int2"): 14,
}
# Since when fully connected layers take sparse weights.
_SPARSE_VERSION = 8
# Since when operators can announce a bias of 32 bits beside 16-bit activations.
_NARROW_VERSIONS = {"CONV_2D": 8, "FULLY_CONNECTED": 11}
_INT32 = 2


def write_conv(place: Place, op: Conv2d) -> None:
    """Write CONV_2D or DEPTHWISE_CONV_2D, a PAD before it where neither SAME nor VALID fits.

    A bias of zeros stands where there is none: LiteRT's own kernels take no convolution without,
    and do not check for the depthwise ones.
    """
    x, source = place.inputs[0], place.node.inputs[0]
    scheme = scheme_of(x, op.kernel, op.stride, op.dilation, op.padding)
    if scheme is None:
        scheme, source = "valid", padded(place, op.padding)
    options = {
        "Padding": SCHEMES[scheme],
        "StrideH": op.stride[0],
        "StrideW": op.stride[1],
        "DilationHFactor": op.dilation[0],
        "DilationWFactor": op.dilation[1],
        "activation": op.activation,
    }
    code, version = "CONV_2D", 1 if op.groups == 1 else 6
    if op.is_depthwise:
        code, version = "DEPTHWISE_CONV_2D", 1 if op.dilation == (1, 1) else 2
        options["DepthMultiplier"] = op.weight.shape[0] // op.groups
    weight = layer_weight(place, op.weight, code)
    if op.is_depthwise and weight.values is not None:
        # [out, height, width, 1] lies as [1, height, width, out].
        values = np.ascontiguousarray(weight.values.transpose(3, 1, 2, 0))
        weight = replace(weight, values=values, shape=values.shape, axis=3)
    bias = no_bias(place, op.weight.shape[0]) if op.bias is None else op.bias
    weights = (op.weight, weight)
    _write_layer(place, code, source, weights, bias, version, options)


def write_linear(place: Place, op: Linear) -> None:
    """Write FULLY_CONNECTED."""
    # Without it TFLite folds all axes but the last into one.
    keeps = len(place.inputs[0].shape) != 2
    version = 6 if op.bias is None else 5 if keeps else 1
    options: dict[str, Any] = {"activation": op.activation, "KeepNumDims": keeps}
    weight = stored_sparse(place, op.weight, layer_weight(place, op.weight, "FULLY_CONNECTED"))
    if weight.sparsity is not None:
        version = max(version, _SPARSE_VERSION)
    if place.is_real and weight.quant is not None and len(weight.quant.scale) > 1:
        # Reals are quantized as they come: symmetrically, but for weights of a scale per channel.
        options["AsymmetricQuantizeInputs"] = True
        version = 9
    source = place.node.inputs[0]
    weights = (op.weight, weight)
    _write_layer(place, "FULLY_CONNECTED", source, weights, op.bias, version, options)


def write_matmul(place: Place, op: MatMul) -> None:
    """Write BATCH_MATMUL; a factor is a MUL after it, which only reals allow."""
    table, operands = "BatchMatMulOptions", place.node.inputs
    if any(type_.quant is not None and not type_.quant.signed for type_ in place.inputs):
        raise place.refusal("BATCH_MATMUL takes no uint8; quantize the float model to int8")
    if op.scale == 1.0:
        place.call("BATCH_MATMUL", *operands, table=table, AdjY=op.transpose_b)
        return
    if not place.is_real:
        raise place.refusal(
            f"BATCH_MATMUL has no factor, and this product is scaled by {op.scale:g}; multiply "
            "the weights of the layer that makes its first operand instead"
        )
    product = place.temporary("product", place.output)
    place.call("BATCH_MATMUL", *operands, table=table, outputs=(product,), AdjY=op.transpose_b)
    factor = place.constant("scale", np.array([op.scale], np.float32))
    place.call("MUL", product, factor, table="MulOptions")


def scheme_of(
    x: TensorType, kernel: Pair, stride: Pair, dilation: Pair, padding: Padding
) -> str | None:
    """Return `valid` or `same` where it means exactly these extents; None where neither does."""
    if not any(padding[0] + padding[1]):
        return "valid"
    same = tuple(same_padding(x.shape[1 + i], kernel[i], stride[i], dilation[i]) for i in range(2))
    return "same" if same == padding else None


def padded(place: Place, padding: Padding) -> str:
    """Write a PAD of the node's operand, which fills in zeros, and return its result's name."""
    (x,) = place.inputs
    pairs = np.array([(0, 0), *padding, (0, 0)], np.int32)
    shape = tuple(n + int(sum(pair)) for n, pair in zip(x.shape, pairs, strict=True))
    name = place.temporary("padded", replace(x, shape=shape))
    extents = place.integers("padding", pairs)
    place.call("PAD", place.node.inputs[0], extents, table="PadOptions", outputs=(name,))
    return name


def _write_layer(
    place: Place, code: str, source: str, weights: tuple[Weight, Tensor], bias: Weight | None,
    version: int, options: dict[str, Any],
) -> None:  # fmt: skip
    """Write a layer whose operands are an activation, a weight and a bias.

    Args:
        place: Of the layer.
        code: Of its operator.
        source: Name of the activation.
        weights: As it lies in memory, and as the operator takes it.
        bias: What is added.
        version: The lowest that knows these attributes.
        options: Fields of the operator's table.
    """
    lying, weight = weights
    operands = [source, add_weight(place, lying, weight)]
    if bias is not None:
        operands.append(layer_bias(place, weight, bias))
    version = max(version, _PACKED_VERSIONS.get((code, weight.dtype), 1))
    if bias is not None and place.inputs[0].bits == 16 and bias.bits == 32:
        if code not in _NARROW_VERSIONS:
            raise place.refusal(f"{code} takes 16-bit activations with a bias of 64 bits only")
        version = max(version, _NARROW_VERSIONS[code])
        options = {**options, "QuantizedBiasType": _INT32}
    place.call(code, *operands, table=_TABLES[code], version=version, **options)
