"""Attention heads: which weights belong to each, and a graph without some of them.

A head is found by what happens to its elements, not by names: the product of a softmax with the
values has an axis along which nothing mixes. Every element that only one position of that axis
depends on is of that head: back to the rows of the layers that make queries, keys and values (one
fused layer or three), and on to the columns of the layer that joins the heads (Michel et al., "Are
Sixteen Heads Really Better than One?", arXiv 1905.10650).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compressors.pruning.head_rules import NOBODY, RULES, Labels, is_separable
from hwsim.channels.removal import Kept, narrowed
from hwsim.errors import RecipeError
from hwsim.ops import (
    Conv2d,
    Dequantize,
    Elementary,
    Linear,
    MatMul,
    Mul,
    Quantize,
    Reshape,
    Softmax,
    Transpose,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import FloatArray, IntArray
    from hwsim.graph import Graph, Node

# What may stand between a softmax and the product with the values.
_BETWEEN = (Dequantize, Elementary, Mul, Quantize, Reshape, Transpose)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heads:
    """The heads of one attention.

    Attributes:
        name: Of the node that multiplies the softmax with the values.
        count: How many there are. Queries that share keys and values are one.
        of: Head of every element, per tensor: an array that broadcasts to its shape; -1: of none.
        rows: Head of every row of the layers that make queries, keys and values.
        columns: Head of every column of the layers that join what the heads make.
    """

    name: str
    count: int
    of: Mapping[str, IntArray]
    rows: Mapping[str, IntArray]
    columns: Mapping[str, IntArray]

    def scores(self, element_scores: Mapping[str, FloatArray]) -> FloatArray:
        """Return for each head the sum of the scores of its weights [count].

        Args:
            element_scores: By layer, in the shape of its weight; layers that are not named count
                nothing.
        """
        totals = np.zeros(self.count)
        for heads, axis in ((self.rows, 0), (self.columns, -1)):
            for layer, own in heads.items():
                if layer in element_scores:
                    scores = np.moveaxis(element_scores[layer], axis, 0)
                    sums = scores.reshape(len(own), -1).sum(axis=1)
                    np.add.at(totals, own[own != NOBODY], sums[own != NOBODY])
        return totals


def find_heads(graph: Graph) -> tuple[Heads, ...]:
    """Return the attentions of `graph` whose heads can go one by one, in order."""
    found: list[Heads] = []
    for node in graph.nodes:
        known = any(node.outputs[0] in heads.of for heads in found)
        if not known and isinstance(node.op, MatMul) and _is_of_softmax(graph, node.inputs[0]):
            shape = graph.tensors[node.outputs[0]].shape
            axes = sorted(range(len(shape) - 2), key=lambda axis: -shape[axis])
            # Nothing mixes along the batch either; a single head has an axis of extent 1 at most.
            for axis in [axis for axis in axes if shape[axis] > 1] or axes[:1]:
                heads = _heads_along(graph, node, axis)
                if heads is not None:
                    found.append(heads)
                    break
    return tuple(found)


def _is_of_softmax(graph: Graph, tensor: str) -> bool:
    node = graph.producers.get(tensor)
    while node is not None and isinstance(node.op, _BETWEEN):
        node = graph.producers.get(node.inputs[0])
    return node is not None and isinstance(node.op, Softmax)


def _heads_along(graph: Graph, product: Node, axis: int) -> Heads | None:
    """Return the heads if each position of `axis` of what `product` makes is one, else None."""
    labels = Labels(graph)
    made = product.outputs[0]
    shape = [1] * len(graph.tensors[made].shape)
    extent = shape[axis] = graph.tensors[made].shape[axis]
    labels.put(made, np.arange(extent).reshape(shape))
    near: dict[str, Node] = {}
    while labels.changed:
        tensor = labels.changed.pop()
        maker = graph.producers.get(tensor)
        if maker is None or tensor in graph.outputs:
            return None
        for node in (maker, *graph.consumers[tensor]):
            if type(node.op) not in RULES:
                return None
            near[node.name] = node
            RULES[type(node.op)](labels, node)
    count = labels.unite(extent)
    if not all(is_separable(labels, node) for node in near.values()):
        return None
    layers = [node for node in near.values() if isinstance(node.op, (Linear, Conv2d))]

    def along(tensor: str) -> IntArray:
        return np.broadcast_to(labels.of[tensor].reshape(-1), labels.shape(tensor)[-1:])

    return Heads(
        name=product.name,
        count=count,
        of=labels.of,
        rows={n.name: along(n.outputs[0]) for n in layers if n.outputs[0] in labels.of},
        columns={n.name: along(n.inputs[0]) for n in layers if n.inputs[0] in labels.of},
    )


def without_heads(graph: Graph, removed: Mapping[str, IntArray]) -> Graph:
    """Return `graph` without some heads: weights, biases, and all shapes between them.

    What is left computes what it did: the softmax is scaled by the width of a head, which stays.

    Args:
        graph: What to shrink.
        removed: By the name of `Heads`, the numbers of those that go; one stays of each.

    Raises:
        RecipeError: There are no such heads, none would be left, or a weight's storage format does
            not hold what is left.
    """
    known = {heads.name: heads for heads in find_heads(graph)}
    kept: dict[str, Kept] = {}
    for name, numbers in removed.items():
        if name not in known:
            raise RecipeError(
                f"{graph.name}: expected an attention with heads of its own: "
                f"{', '.join(known) or 'there is none'}; got {name!r}"
            )
        heads = known[name]
        gone = np.zeros(heads.count + 1, bool)
        if not all(0 <= number < heads.count for number in numbers.tolist()):
            raise RecipeError(
                f"{graph.name}/{name}: expected numbers of heads, 0..{heads.count - 1}; "
                f"got {numbers.tolist()}"
            )
        gone[numbers] = True
        if gone[:-1].all():
            raise RecipeError(
                f"{graph.name}/{name}: expected to keep one of {heads.count} heads, got none left; "
                "remove the whole residual block instead"
            )
        for tensor, own in heads.of.items():
            kept[tensor] = _kept(gone[own], graph.tensors[tensor].shape)
    return narrowed(graph, kept)


def _kept(gone: IntArray, shape: tuple[int, ...]) -> Kept:
    """Return the positions per axis of the elements that stay: they form a box."""
    return tuple(
        np.flatnonzero(~gone.reshape(-1)) if extent > 1 else np.arange(shape[axis])
        for axis, extent in enumerate(gone.shape)
    )
