"""Layers whose weights are chosen one after the other, each told what it will really see."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from compressors._patterns import chosen_of
from hwsim.channels.layers import group_count
from hwsim.errors import RecipeError
from hwsim.ops import Conv2d, Linear
from hwsim.reference import as_reals, stacked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from hwsim.arrays import Array, FloatArray
    from hwsim.channels.layers import Layer
    from hwsim.data import Data
    from hwsim.graph import Graph, Node
    from hwsim.op import Op

Product: TypeAlias = Conv2d | Linear
"""Layers that can multiply reals by what integer codes mean."""

Choose: TypeAlias = "Callable[[Node, FloatArray, FloatArray], Op]"
"""The new op of a node, given its first operand in the graph of reals and in the new graph."""

# Rows of gathered patches are made in parts of at most so many bytes of float64.
_PART_BYTES = 1 << 25


def real_products(
    graph: Graph, step: str, layers: str = "*", exclude: str = ""
) -> dict[str, Product]:
    """Return the convolutions and linear layers, by name, whose weights are reals still.

    Args:
        graph: Between whose ops reals travel.
        step: For messages.
        layers: Names to take: shell patterns, separated by `;`.
        exclude: Names to leave, likewise.

    Raises:
        RecipeError: There are none, or tensors are integers.
    """
    for name, type_ in graph.tensors.items():
        if type_.quant is not None:
            raise RecipeError(
                f"{graph.name}: {step} expected a graph of floats, got {type_} in tensor "
                f"{name!r}; put {step} before quantize"
            )
    known = {
        node.name: node.op
        for node in graph.nodes
        if isinstance(node.op, Product) and node.op.weight.quant is None
    }
    return chosen_of(known, layers, exclude, f"{graph.name}: {step}")


def require_unshared(graph: Graph, step: str, layers: Mapping[str, Product]) -> None:
    """Refuse `layers` whose weights share values, of which `step` would make many codes.

    Raises:
        RecipeError: One lies in a format of shared values.
    """
    for name, op in layers.items():
        if op.weight.format.shares_values:
            raise RecipeError(
                f"{graph.name}/{name}: {step} chooses the code of each weight by itself, expected "
                f"weights that share no values, got format {op.weight.format.name}; exclude the "
                f"layer, or leave out the step before {step} that shares or encodes"
            )


def one_input(graph: Graph, data: Data, samples: int, step: str) -> Array:
    """Return the first `samples` inputs as [samples, *shape of the graph's one input].

    Raises:
        RecipeError: The graph takes several tensors.
        DataError: The data does not fit it.
    """
    if len(graph.inputs) != 1:
        raise RecipeError(
            f"{graph.name}: {step} expected one input to calibrate, got {len(graph.inputs)}: "
            f"{', '.join(graph.inputs)}"
        )
    return stacked(graph, data.head(samples).x)


def in_order(graph: Graph, x: Array, names: Collection[str], choose: Choose) -> Graph:
    """Return `graph` with the ops of `names` chosen one by one, in the order in which they run.

    Each choice sees what the earlier ones have made of its inputs, so that later layers can make
    up for them (Nagel et al., arXiv 2004.10568, eq. 25: "asymmetric" reconstruction).

    Args:
        graph: Between whose ops reals travel.
        x: [samples, *shape]; all samples are kept until nobody reads a tensor any more.
        names: Nodes to choose ops for.
        choose: How.
    """
    first = as_reals(x, graph.tensors[graph.inputs[0]])
    real, seen = {graph.inputs[0]: first}, {graph.inputs[0]: first}
    readers = {tensor: len(nodes) for tensor, nodes in graph.consumers.items()}
    ops: dict[str, Op] = {}
    for node in graph.nodes:
        before, after = ([values[t] for t in node.inputs] for values in (real, seen))
        op = ops[node.name] = choose(node, before[0], after[0]) if node.name in names else node.op
        is_same = op is node.op and all(a is b for a, b in zip(before, after, strict=True))
        made = node.op.reference(*before)
        rounded = made if is_same else op.reference(*after)
        for tensor, old, new in zip(node.outputs, made, rounded, strict=True):
            # A constant comes as one sample.
            real[tensor] = np.broadcast_to(old, (len(x), *old.shape[1:]))
            seen[tensor] = (
                real[tensor] if new is old else np.broadcast_to(new, (len(x), *new.shape[1:]))
            )
        for tensor in dict.fromkeys(node.inputs):
            readers[tensor] -= 1
            if readers[tensor] == 0:
                del real[tensor], seen[tensor]
    return graph.with_ops(ops)


def parts_of_rows(op: Layer, x: FloatArray) -> Iterator[FloatArray]:
    """Yield what the outputs of `op` see, [groups, rows, depth], some samples at a time.

    Args:
        op: With one group, if linear.
        x: Its operand, [samples, *shape].
    """
    one = op.patches(x[:1], 0).size
    samples = max(1, _PART_BYTES // (8 * max(1, one)))
    for first in range(0, len(x), samples):
        patches = op.patches(x[first : first + samples], 0)
        groups, depth = patches.shape[-2:]
        yield patches.reshape(-1, groups, depth).transpose(1, 0, 2)


def matrices(op: Product, per_weight: Array) -> Array:
    """Return what has a value per weight as [groups, out per group, depth], as rows meet it."""
    groups = group_count(op)
    return per_weight.reshape(groups, per_weight.shape[0] // groups, -1)
