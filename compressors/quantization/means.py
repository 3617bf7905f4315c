"""Means of what layers sum up, and biases that shift them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.channels.layers import Layer
from hwsim.errors import RecipeError
from hwsim.numerics import Quant
from hwsim.reference import trace
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray
    from hwsim.graph import Graph
    from hwsim.tensor import TensorType

# Bits of a bias beside activations and weights of up to 8 bits, and beside wider ones: TFLite's.
_BIAS_BITS, _WIDE_BIAS_BITS, _NARROW = 32, 64, 8


def channel_means(graph: Graph, x: Array) -> dict[str, FloatArray]:
    """Return the mean of every layer's sums, before its clamp, per output channel [out], by node.

    Args:
        graph: Of floats.
        x: [samples, *shape of the input].
    """
    means: dict[str, FloatArray] = {}

    def visit(tensor: str, values: FloatArray) -> None:
        for node in graph.consumers[tensor]:
            if isinstance(node.op, Layer):
                sums = replace(node.op, activation="none").reference(values)[0]
                means[node.name] = sums.reshape(-1, sums.shape[-1]).mean(axis=0)

    trace(graph, x, visit)
    return means


def with_bias_shift(op: Layer, shift: FloatArray, operand: TensorType, where: str) -> Layer:
    """Return `op` with its bias, or 0 where it has none, moved by `shift` [out].

    The bias of integer sums counts steps of input scale x weight scale and moves by whole ones.

    Args:
        op: With weights of any kind.
        shift: In reals.
        operand: What it reads.
        where: Graph, node and step, for messages.

    Raises:
        RecipeError: The bias would no longer fit its integers.
    """
    real = shift if op.bias is None else op.bias.real() + shift
    quant = _unit(op, operand) if op.bias is None else op.bias.quant
    if quant is None:
        codes = real.astype(np.float32)
    else:
        steps = np.abs(real / quant.spread(real.shape)[0]).max(initial=0.0)
        # As much room is left for the sums of products.
        if not steps <= 2.0 ** (quant.bits - 2):
            raise RecipeError(
                f"{where} would shift a bias to {steps:.3g} steps of its scale, expected at most "
                f"{2.0 ** (quant.bits - 2):.3g}; calibrate both steps on the same inputs"
            )
        codes = quant.encode(real)
    bias = op.bias if op.bias is not None else Weight(codes=codes)
    return replace(op, bias=replace(bias, codes=codes, quant=quant))


def _unit(op: Layer, operand: TensorType) -> Quant | None:
    """Return the encoding of a bias for `op`; None where sums are real, or of several units."""
    weight = op.weight.quant
    if operand.quant is None or weight is None or weight.group is not None:
        return None
    is_narrow = max(operand.bits, op.weight.bits) <= _NARROW
    input_scale = operand.quant.scale[0]
    return Quant(
        scale=tuple(float(np.float32(input_scale * scale)) for scale in weight.scale),
        zero_point=(0,) * len(weight.scale),
        axis=weight.axis,
        bits=_BIAS_BITS if is_narrow else _WIDE_BIAS_BITS,
    )
