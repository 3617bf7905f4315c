"""Which channels of a graph stand or fall together.

Every position on the last axis of every tensor has a number; ops that force two positions to stay
aligned join their numbers. One set of joined numbers is a channel: it can only be removed
everywhere at once (Fang et al., "DepGraph: Towards Any Structural Pruning", arXiv 2301.12900).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.channels.rules import RULES, Book

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import IntArray
    from hwsim.graph import Graph


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Channels:
    """The channels of a graph.

    Attributes:
        of: Channel number of every position on the last axis, per tensor.
        fixed: Channels that must stay: the graph's inputs and outputs, and what passes through
            ops that mix or move channels (softmax, layer norm, matmul, ...).
    """

    of: Mapping[str, IntArray]
    fixed: frozenset[int]

    @property
    def count(self) -> int:
        """One more than the largest channel number."""
        return 1 + max((int(own.max(initial=-1)) for own in self.of.values()), default=-1)


def find_channels(graph: Graph) -> Channels:
    """Return which positions of which tensors belong together."""
    book = Book()
    numbers = {tensor: book.extend(_extent(graph, tensor)) for tensor in graph.inputs}
    for tensor in graph.inputs:
        book.fix(numbers[tensor])
    for node in graph.nodes:
        inputs = [numbers[tensor] for tensor in node.inputs]
        shapes = [graph.tensors[tensor].shape for tensor in (*node.inputs, *node.outputs)]
        rule = RULES.get(type(node.op))
        result = rule(book, node.op, inputs, shapes) if rule is not None else None
        if result is None:
            for fixed in inputs:
                book.fix(fixed)
            for tensor in node.outputs:
                numbers[tensor] = book.fix(book.extend(_extent(graph, tensor)))
        else:
            numbers[node.outputs[0]] = result
    for tensor in graph.outputs:
        book.fix(numbers[tensor])
    roots = book.roots()
    return Channels(
        of={tensor: roots[own] for tensor, own in numbers.items()},
        fixed=frozenset(roots[book.fixed()].tolist()),
    )


def _extent(graph: Graph, tensor: str) -> int:
    shape = graph.tensors[tensor].shape
    return shape[-1] if shape else 1
