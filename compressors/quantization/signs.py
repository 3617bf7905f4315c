"""Activations of one bit: layers read the signs of what was made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from compressors.quantization.widths import weighted
from hwsim.graph import Node
from hwsim.ops import MaxPool2d, Quantize, Reshape

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from hwsim.graph import Graph

SIGN_BITS = 1
_OTHER_BITS = 8
# Ops that let a ReLU before them wait until behind: max(relu(x)) = relu(max(x)).
_MOVES = (MaxPool2d, Reshape)


def with_signs(
    graph: Graph, bits: Mapping[str, int], floats: Collection[str]
) -> tuple[Graph, dict[str, int]]:
    """Return `graph` with an op that takes signs before layers that read a tensor of one bit.

    As in XNOR-Net (arXiv 1603.05279, section 3.2), layers multiply signs and make numbers of 8
    bits; all tensors but the signs have these, for sums and pools need them. A ReLU whose results
    only such layers read is left out: the sign takes its place (Hubara et al., arXiv 1602.02830).
    Signs stand for their tensor's mean magnitude on calibration inputs: one number, where the paper
    computes a map K of them at run time, one per position, of which it is the mean.

    Args:
        graph: Of floats, activations fused.
        bits: Of every tensor.
        floats: Nodes that stay float; they read no signs.

    Returns:
        The graph, and the bits of its tensors: 1 for signs, at least 2 for all others.
    """
    sources = [
        node.inputs[0]
        for node in weighted(graph)
        if bits[node.inputs[0]] == SIGN_BITS and node.name not in floats
    ]
    made = {tensor: f"{tensor}/signs" for tensor in sources}
    nodes: list[Node] = []
    pending = dict(made)
    for node in graph.nodes:
        source = node.inputs[0] if node.inputs else ""
        is_reader = source in made and node.op.weight is not None and node.name not in floats
        if is_reader and source in pending:
            name = pending.pop(source)
            nodes.append(Node(name=name, op=Quantize(), inputs=(source,), outputs=(name,)))
        inputs = (made[source], *node.inputs[1:]) if is_reader else node.inputs
        nodes.append(replace(node, inputs=inputs))
    tensors = dict(graph.tensors) | {made[t]: graph.tensors[t] for t in sources}
    signed = replace(graph, nodes=tuple(nodes), tensors=tensors)
    widths = {name: _OTHER_BITS if width == SIGN_BITS else width for name, width in bits.items()}
    signs = dict.fromkeys(made.values(), SIGN_BITS)
    return _without_relu(signed, tuple(made)), widths | signs


def _without_relu(graph: Graph, sources: tuple[str, ...]) -> Graph:
    """Return `graph` without the ReLUs whose results end in signs alone."""
    changed: dict[str, Any] = {}
    for tensor in sources:
        maker = graph.producers.get(tensor)
        while maker is not None and _is_private(graph, maker.outputs[0]):
            if getattr(maker.op, "activation", "none") in ("relu", "relu6"):
                changed[maker.name] = replace(cast("Any", maker.op), activation="none")
            if not isinstance(maker.op, _MOVES):
                break
            maker = graph.producers.get(maker.inputs[0])
    return graph.with_ops(changed)


def _is_private(graph: Graph, tensor: str) -> bool:
    """Return whether one op alone reads `tensor`."""
    return tensor not in graph.outputs and len(graph.consumers[tensor]) == 1
