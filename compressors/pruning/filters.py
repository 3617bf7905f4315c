"""Choose the channels that filter pruning removes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from hwsim.channels.disjoint_sets import roots_of
from hwsim.channels.layers import makes_channels
from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from hwsim.arrays import Array, FloatArray, IntArray
    from hwsim.channels.find import Channels
    from hwsim.graph import Graph, Node

Scope: TypeAlias = Literal["local", "global"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """How many channels to remove.

    Attributes:
        sparsity: Fraction of the channels that may go, 0 <= sparsity < 1.
        scope: `local`: this fraction of each group of channels that one layer makes. `global`:
            the lowest of all, once each group's scores are divided by their mean.
        round_to: What is left of each layer's channels is rounded up to a multiple of this.
        fractions: By layer, what it loses instead of `sparsity`, whatever the scope. Layers that
            share channels lose the smallest of theirs.
        exponent: The score of a channel is this root of the sum of its filters' scores: 2 where
            these are squares of L2 norms.
    """

    sparsity: float
    scope: Scope = "local"
    round_to: int = 1
    fractions: Mapping[str, float] = field(default_factory=dict[str, float])
    exponent: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Group:
    """Channels that may go, of layers that share some.

    Attributes:
        channels: Their numbers.
        fraction: Of them that a layer says it loses; None: as all do.
    """

    channels: IntArray
    fraction: float | None


def choose(
    graph: Graph,
    channels: Channels,
    choice: Choice,
    layers: Collection[str],
    scores: Mapping[str, FloatArray],
) -> frozenset[int]:
    """Return the channels to remove: those of the lowest score.

    The score of a channel is the sum over all the filters that make it: of the layers that a
    residual sum couples, and of the groups of a grouped convolution (Fang et al., "DepGraph",
    arXiv 2301.12900, section 3.3). Every layer keeps a multiple of `round_to` channels, or all of
    them; every tensor keeps one. Where layers share channels (sums, concatenations, groups) more
    may stay for that.

    Args:
        graph: What to prune.
        channels: Of `graph`.
        choice: How many.
        layers: Names of the nodes that may lose filters.
        scores: Per layer, one score of each filter [out]; higher ones stay.

    Raises:
        RecipeError: No channel may go.
    """
    makers = [node for node in graph.nodes if makes_channels(node)]
    totals = _totals(makers, channels, scores)
    if choice.exponent != 1.0:
        totals = totals ** (1.0 / choice.exponent)
    fixed = np.zeros(len(totals), bool)
    fixed[list(channels.fixed)] = True
    for node in makers:
        if node.name not in layers:
            fixed[channels.of[node.outputs[0]]] = True
    groups = _groups(makers, channels, choice.fractions, fixed)
    if not groups:
        raise RecipeError(
            f"{graph.name}: prune{{structure=filter}} finds no channel that can be removed "
            f"(outputs and mixed channels stay); expected a convolution or linear layer between "
            "others; structure=unstructured would do"
        )
    gone = np.zeros(len(totals), bool)
    for group, count in zip(groups, _counts(groups, totals, choice), strict=True):
        own = group.channels
        gone[own[np.argsort(totals[own], kind="stable")[:count]]] = True
    layers_first = sorted((channels.of[node.outputs[0]] for node in makers), key=len)
    return _restored(gone, layers_first, choice.round_to, channels, totals)


def _totals(makers: list[Node], channels: Channels, scores: Mapping[str, FloatArray]) -> FloatArray:
    """Return the score of every channel number; 0 where no filter makes it."""
    totals = np.zeros(channels.count)
    for node in makers:
        if node.name in scores:
            np.add.at(totals, channels.of[node.outputs[0]], scores[node.name])
    return totals


def _groups(
    makers: list[Node], channels: Channels, fractions: Mapping[str, float], fixed: Array
) -> list[_Group]:
    """Return the channels that may go: two are in one group where some layer makes both."""
    own = [channels.of[node.outputs[0]] for node in makers]
    none = np.zeros(0, np.int64)
    firsts = [np.full(len(numbers), numbers[0]) for numbers in own]
    made = np.concatenate([none, *own])
    roots = roots_of(channels.count, made, np.concatenate([none, *firsts]))
    free = np.unique(made)
    free = free[~fixed[free]]
    wanted: dict[int, float] = {}
    for node in makers:
        if node.name in fractions:
            root = int(roots[channels.of[node.outputs[0]][0]])
            wanted[root] = min(fractions[node.name], wanted.get(root, 1.0))
    return [
        _Group(channels=free[roots[free] == root], fraction=wanted.get(root))
        for root in np.unique(roots[free]).tolist()
    ]


def _counts(groups: list[_Group], totals: FloatArray, choice: Choice) -> list[int]:
    """Return how many channels of each group go."""
    fractions = [choice.sparsity if g.fraction is None else g.fraction for g in groups]
    counts = [round(f * len(g.channels)) for f, g in zip(fractions, groups, strict=True)]
    if choice.scope == "global":
        ranked = [i for i, group in enumerate(groups) if group.fraction is None]
        lowest = _lowest([totals[groups[i].channels] for i in ranked], choice.sparsity)
        for i, count in zip(ranked, lowest, strict=True):
            counts[i] = count
    return counts


def _lowest(scores: list[FloatArray], sparsity: float) -> list[int]:
    """Return how many of each array are among the lowest fraction of all, over their means."""
    if not scores:
        return []
    relative = np.concatenate([own / (own.mean() or 1.0) for own in scores])
    owners = np.repeat(np.arange(len(scores)), [len(own) for own in scores])
    lowest = np.argsort(relative, kind="stable")[: round(sparsity * len(relative))]
    return np.bincount(owners[lowest], minlength=len(scores)).tolist()


def _restored(
    gone: Array,
    layers: Sequence[IntArray],
    round_to: int,
    channels: Channels,
    scores: FloatArray,
) -> frozenset[int]:
    """Return what goes, less the best of each layer or tensor that would keep too few.

    Args:
        gone: By channel; changed.
        layers: Channels of what each layer makes; branches before what they are joined to.
        round_to: A layer keeps a multiple of this, or all.
        channels: Of the graph; every tensor keeps one.
        scores: By channel.
    """
    rules = [(own, round_to) for own in layers] + [(own, 1) for own in channels.of.values()]
    # What one rule brings back may break another; at the latest, all is back.
    while any(_keeps_too_few(gone[own], step) for own, step in rules):
        for own, step in rules:
            while _keeps_too_few(gone[own], step):
                lost = own[gone[own]]
                # Of equal scores the later is the one that goes last.
                gone[lost[scores[lost] == scores[lost].max()].max()] = False
    return frozenset(np.flatnonzero(gone).tolist())


def _keeps_too_few(gone: Array, step: int) -> bool:
    kept = len(gone) - int(gone.sum())
    return kept < len(gone) and (kept == 0 or kept % step != 0)
