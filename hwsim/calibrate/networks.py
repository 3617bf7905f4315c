"""The whole networks that a calibration is judged on; nothing is fitted to them."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hwsim.evidence.networks import network
from hwsim.tensor import TensorType, Weight

if TYPE_CHECKING:
    from hwsim.graph import Graph
    from hwsim.numerics import Quant
    from hwsim.op import Op

NETWORKS: Final = (
    "mlperf_ad",
    "mlperf_kws",
    "mlperf_ic",
    "mlperf_vww",
    "mobilenet_v2",
    "ncnn_resnet18",
)
"""Tables of layer shapes: MLPerf Tiny's four, and two of images of 224 x 224."""


def whole_network(name: str, types: str) -> Graph:
    """Return a network of `NETWORKS` as runtimes can be given it.

    Args:
        name: Of the table.
        types: `8x8` or `f32`.
    """
    graph = network(name, types)
    tensors = {tensor: _tensor(type_) for tensor, type_ in graph.tensors.items()}
    ops = {node.name: _op(node.op) for node in graph.nodes}
    if types == "f32":
        return replace(graph, tensors=tensors).with_ops(ops)
    for node in graph.nodes:
        (result,) = node.outputs
        if getattr(node.op, "activation", "none") != "none":
            tensors[result] = _clamped(tensors[result])
            ops[node.name] = replace(ops[node.name], activation="relu")  # pyright: ignore
        elif node.op.shares_encoding:
            tensors[result] = replace(tensors[result], quant=tensors[node.inputs[0]].quant)
    return replace(graph, tensors=tensors).with_ops(ops)


def _clamped(type_: TensorType) -> TensorType:
    """Return a type whose least code means 0, as quantizers choose it behind a clamp.

    Tables give all tensors one encoding, for which runtimes would have to clip codes.
    """
    assert type_.quant is not None  # Only integer networks come here.
    return replace(type_, quant=replace(type_.quant, zero_point=(type_.quant.low,)))


def _tensor(type_: TensorType) -> TensorType:
    return replace(type_, quant=_rounded(type_.quant))


def _op(op: Op) -> Op:
    """Return an op whose weights' scales files can hold."""
    described: Any = op
    changed = {
        field.name: replace(value, quant=_per_channel(value, _rounded(value.quant)))
        for field in fields(described)
        if isinstance(value := getattr(op, field.name), Weight)
    }
    return replace(described, **changed)


def _per_channel(weight: Weight, quant: Quant | None) -> Quant | None:
    """Return an encoding with a scale per output channel, as layers are quantized since 2018."""
    if quant is None or len(quant.scale) > 1:
        return quant
    out = weight.shape[0]
    return replace(quant, scale=quant.scale * out, zero_point=quant.zero_point * out, axis=0)


def _rounded(quant: Quant | None) -> Quant | None:
    """Return an encoding with scales that are float32 numbers, as files hold them."""
    if quant is None:
        return None
    return replace(quant, scale=tuple(np.array(quant.scale, np.float32).tolist()))
