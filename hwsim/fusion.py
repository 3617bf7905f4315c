"""Fuse: merge ops into the layer before them, as every runtime's converter does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.graph import Node
from hwsim.ops import (
    Add,
    AveragePool2d,
    BatchNorm,
    Constant,
    Conv2d,
    Conv2dTranspose,
    Elementary,
    Linear,
    MaxPool2d,
    Mul,
    Pad,
    Sub,
)
from hwsim.tensor import TensorType, Weight

if TYPE_CHECKING:
    from hwsim.arrays import Array
    from hwsim.graph import Graph
    from hwsim.op import Op

_FUSING = (Add, AveragePool2d, Conv2d, Conv2dTranspose, Linear, MaxPool2d, Mul, Sub)


def fused(graph: Graph) -> Graph:
    """Return `graph` with every op merged into its maker where the maker can do its work.

    A maker whose result someone else reads too, or the user gets, keeps it and merges nothing.
    """
    nodes: dict[str, Node] = {}
    makers: dict[str, str] = {}
    gone: set[str] = set()
    for node in graph.nodes:
        maker = nodes.get(makers.get(node.inputs[0], "")) if node.inputs else None
        if maker is not None and _is_private(graph, node.inputs[0]):
            op = _merged(maker.op, node.op)
            if op is not None:
                nodes[maker.name] = replace(maker, op=op, outputs=node.outputs)
                makers[node.outputs[0]] = maker.name
                gone.add(node.inputs[0])
                continue
        nodes[node.name] = node
        makers.update(dict.fromkeys(node.outputs, node.name))
    tensors = {name: type_ for name, type_ in graph.tensors.items() if name not in gone}
    return replace(graph, nodes=tuple(nodes.values()), tensors=tensors)


def _is_private(graph: Graph, tensor: str) -> bool:
    """Return whether `tensor` is real and one node alone reads it."""
    is_real = graph.tensors[tensor].quant is None
    return is_real and tensor not in graph.outputs and len(graph.consumers[tensor]) == 1


def _merged(maker: Op, reader: Op) -> Op | None:
    """Return one op that does both, or None if there is none."""
    if isinstance(reader, BatchNorm) and isinstance(maker, (Conv2d, Conv2dTranspose, Linear)):
        return _folded(maker, reader)
    if isinstance(reader, Elementary) and isinstance(maker, _FUSING):
        if reader.function in ("relu", "relu6") and maker.activation == "none":
            return replace(maker, activation=reader.function)
        # max(0, .) twice is once, and relu6 is within relu.
        if reader.function in ("relu", "relu6") and maker.activation == "relu":
            return replace(maker, activation=reader.function)
    return None


def _folded(
    layer: Conv2d | Conv2dTranspose | Linear, norm: BatchNorm
) -> Conv2d | Conv2dTranspose | Linear | None:
    """Return a layer that computes norm(layer(x)), or None if its clamp stands between.

    With y = scale * (W x + b) + shift, the new weight is scale * W and the new bias
    scale * b + shift, per output channel (Jacob et al., arXiv 1712.05877, section 3.2).
    """
    if layer.activation != "none" or layer.weight.quant is not None:
        return None
    scale, shift = norm.affine()
    weight = layer.weight.real() * scale.reshape(-1, *(1,) * (len(layer.weight.shape) - 1))
    if layer.bias is None:
        bias = _real_weight(shift)
    else:
        bias = layer.bias.with_real(layer.bias.real() * scale + shift)
    return replace(layer, weight=layer.weight.with_real(weight), bias=bias)


def with_constants_folded(graph: Graph) -> Graph:
    """Return `graph` without ops that compute the same for every input: their results are kept.

    A result is computed on real values and encoded as its tensor is; it replaces its operands where
    nobody else reads them.
    """
    known: dict[str, Constant] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        operands = [known[tensor] for tensor in node.inputs if tensor in known]
        if isinstance(node.op, Constant):
            known[node.outputs[0]] = node.op
        elif operands and len(operands) == len(node.inputs):
            results = node.op.reference(*(operand.value.real()[None] for operand in operands))
            for tensor, real in zip(node.outputs, results, strict=True):
                known[tensor] = Constant(value=_encoded(real[0], graph.tensors[tensor]))
            nodes += [_node(tensor, known[tensor], ()) for tensor in node.outputs]
            continue
        nodes.append(node)
    if len(known) == sum(isinstance(node.op, Constant) for node in graph.nodes):
        return graph
    read = {tensor for node in nodes for tensor in node.inputs} | set(graph.outputs)
    kept = tuple(n for n in nodes if not isinstance(n.op, Constant) or read & set(n.outputs))
    made = {tensor for node in kept for tensor in node.outputs} | set(graph.inputs)
    tensors = {name: type_ for name, type_ in graph.tensors.items() if name in made}
    return replace(graph, nodes=kept, tensors=tensors)


def _encoded(real: Array, type_: TensorType) -> Weight:
    if type_.quant is None:
        return _real_weight(real)
    return Weight(codes=type_.quant.encode(real), quant=type_.quant)


def with_pads_merged(graph: Graph) -> Graph:
    """Return `graph` with every pad of an image merged into the convolution that alone reads it.

    Both put zeros around the image, in its own encoding: the result is the same.
    """
    makers = {node.outputs[0]: node for node in graph.nodes}
    nodes: list[Node] = []
    gone: set[str] = set()
    for node in graph.nodes:
        pad = makers.get(node.inputs[0]) if node.inputs else None
        if (
            isinstance(node.op, Conv2d)
            and pad is not None
            and isinstance(pad.op, Pad)
            and pad.op.padding[0] == pad.op.padding[3] == (0, 0)
            and graph.tensors[pad.inputs[0]].quant == graph.tensors[pad.outputs[0]].quant
            and pad.outputs[0] not in graph.outputs
            and len(graph.consumers[pad.outputs[0]]) == 1
        ):
            own, around = node.op.padding, pad.op.padding[1:3]
            (top, bottom), (left, right) = (
                (a + c, b + d) for (a, b), (c, d) in zip(own, around, strict=True)
            )
            op = replace(node.op, padding=((top, bottom), (left, right)))
            node = replace(node, op=op, inputs=(pad.inputs[0], *node.inputs[1:]))
            gone.add(pad.outputs[0])
        nodes.append(node)
    kept = tuple(node for node in nodes if node.outputs[0] not in gone)
    tensors = {name: type_ for name, type_ in graph.tensors.items() if name not in gone}
    return replace(graph, nodes=kept, tensors=tensors)


def without_batch_norm(graph: Graph) -> Graph:
    """Return `graph` with the batch norms that are left written as other ops.

    On images one becomes a depthwise 1 x 1 convolution; elsewhere a product with a constant and
    a sum with another.
    """
    nodes: list[Node] = []
    tensors = dict(graph.tensors)
    for node in graph.nodes:
        if not isinstance(node.op, BatchNorm):
            nodes.append(node)
        elif len(graph.tensors[node.inputs[0]].shape) == 4:
            nodes.append(replace(node, op=_as_depthwise(node.op)))
        else:
            parts, new = _as_arithmetic(node, node.op, graph)
            nodes += parts
            tensors |= new
    return replace(graph, nodes=tuple(nodes), tensors=tensors)


def _as_depthwise(norm: BatchNorm) -> Conv2d:
    scale, shift = norm.affine()
    weight = _real_weight(scale.reshape(-1, 1, 1, 1))
    return Conv2d(weight=weight, bias=_real_weight(shift), groups=len(scale))


def _as_arithmetic(
    node: Node, norm: BatchNorm, graph: Graph
) -> tuple[list[Node], dict[str, TensorType]]:
    """Return the nodes scale, product, shift, sum of a batch norm, and their tensors' types."""
    scale, shift = norm.affine()
    names = {part: f"{node.name}/{part}" for part in ("scale", "scaled", "shift")}
    per_channel = TensorType(shape=scale.shape)
    tensors = {
        names["scale"]: per_channel,
        names["scaled"]: graph.tensors[node.inputs[0]],
        names["shift"]: per_channel,
    }
    parts = [
        _node(names["scale"], Constant(value=_real_weight(scale)), ()),
        _node(names["scaled"], Mul(), (node.inputs[0], names["scale"])),
        _node(names["shift"], Constant(value=_real_weight(shift)), ()),
        replace(node, op=Add(), inputs=(names["scaled"], names["shift"])),
    ]
    return parts, tensors


def _node(name: str, op: Op, inputs: tuple[str, ...]) -> Node:
    return Node(name=name, op=op, inputs=inputs, outputs=(name,))


def _real_weight(real: Array) -> Weight:
    return Weight(codes=real.astype(np.float32))
