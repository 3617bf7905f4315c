"""Find the GELU that exporters spell as x / 2 * (1 + erf(x / sqrt(2)))."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from hwsim.graph import Graph, Node, validate
from hwsim.ops import Add, Constant, Elementary, Mul

if TYPE_CHECKING:
    from hwsim.op import Op

# Exporters write the constants in float32 or with a few digits.
_CLOSE = 1e-4


def with_gelu(graph: Graph) -> Graph:
    """Return `graph` with every such spelling as one op, and without what nobody needs then."""
    made: dict[str, Node] = {}
    for node in graph.nodes:
        if isinstance(node.op, Elementary) and node.op.function == "erf":
            found = _spelling(graph, node)
            if found is not None:
                x, last = found
                gelu = Elementary(function="gelu")
                made[last.name] = replace(last, op=gelu, inputs=(x,))
    if not made:
        return graph
    needed = {*graph.outputs, *graph.inputs}
    nodes: list[Node] = []
    for node in reversed(graph.nodes):
        kept = made.get(node.name, node)
        if needed.intersection(kept.outputs):
            nodes.insert(0, kept)
            needed.update(kept.inputs)
    tensors = {name: type_ for name, type_ in graph.tensors.items() if name in needed}
    return validate(replace(graph, nodes=tuple(nodes), tensors=tensors))


def _spelling(graph: Graph, erf: Node) -> tuple[str, Node] | None:
    """Return x and the node that makes the GELU of x; None where `erf` is no part of one."""
    x = _other(graph, graph.producers.get(erf.inputs[0]), Mul(), math.sqrt(0.5))
    plus = _only_reader(graph, erf)
    if x is None or plus is None or _other(graph, plus, Add(), 1.0) is None:
        return None
    current, factors = plus, list[str]()
    while len(factors) < 2:
        (tensor,) = current.outputs
        following = _only_reader(graph, current)
        if following is None or following.op != Mul():
            return None
        current = following
        factors += [other for other in current.inputs if other != tensor]
        if sorted(_meaning(graph, x, factor) for factor in factors) in (["half x"], ["half", "x"]):
            return x, current
    return None


def _meaning(graph: Graph, x: str, tensor: str) -> str:
    if tensor == x:
        return "x"
    if _is_number(graph, tensor, 0.5):
        return "half"
    return "half x" if _other(graph, graph.producers.get(tensor), Mul(), 0.5) == x else ""


def _only_reader(graph: Graph, node: Node) -> Node | None:
    (tensor,) = node.outputs
    readers = graph.consumers[tensor]
    return readers[0] if len(readers) == 1 and tensor not in graph.outputs else None


def _other(graph: Graph, node: Node | None, op: Op, number: float) -> str | None:
    """Return the operand beside the constant `number` if `node` is `op` of both."""
    if node is None or node.op != op:
        return None
    rest = [tensor for tensor in node.inputs if not _is_number(graph, tensor, number)]
    return rest[0] if len(rest) == 1 else None


def _is_number(graph: Graph, tensor: str, number: float) -> bool:
    node = graph.producers.get(tensor)
    if node is None or not isinstance(node.op, Constant) or node.op.value.codes.size != 1:
        return False
    return math.isclose(float(node.op.value.real().reshape(-1)[0]), number, rel_tol=_CLOSE)
