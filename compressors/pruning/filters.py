"""Choose the channels that filter pruning removes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from compressors._disjoint_sets import DisjointSets
from hwsim.errors import RecipeError
from hwsim.ops import Conv2d, Conv2dTranspose, Linear

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from compressors.pruning.channels import Channels
    from hwsim.arrays import Array, FloatArray, IntArray
    from hwsim.graph import Graph, Node

Criterion: TypeAlias = Literal["l1", "l2"]
Scope: TypeAlias = Literal["local", "global"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """How many of which channels to remove.

    Attributes:
        sparsity: Fraction of the channels that may go, 0 <= sparsity < 1.
        scope: `local`: this fraction of each group of channels that one layer makes. `global`:
            the lowest of all, once each group's scores are divided by their mean.
        criterion: Norm of a channel's filters.
        round_to: What is left of each layer's channels is rounded up to a multiple of this.
    """

    sparsity: float
    scope: Scope
    criterion: Criterion
    round_to: int


def choose(
    graph: Graph, channels: Channels, choice: Choice, layers: Collection[str]
) -> frozenset[int]:
    """Return the channels to remove.

    Every layer keeps a multiple of `round_to` channels, or all of them; every tensor keeps one.
    Where layers share channels (sums, concatenations, groups) more may stay for that.

    Args:
        graph: What to prune.
        channels: Of `graph`.
        choice: How many, by which score.
        layers: Names of the nodes that may lose filters.

    Raises:
        RecipeError: No channel may go.
    """
    makers = [node for node in graph.nodes if _makes_channels(node)]
    scores = _scores(makers, channels, choice.criterion)
    fixed = set(channels.fixed)
    for node in makers:
        if node.name not in layers:
            fixed.update(channels.of[node.outputs[0]].tolist())
    groups = _groups(makers, channels)
    free = [np.array([c for c in group if c not in fixed], np.int64) for group in groups]
    if not sum(map(len, free)):
        raise RecipeError(
            f"{graph.name}: prune{{structure=filter}} finds no channel that can be removed "
            f"(outputs and mixed channels stay); expected a convolution or linear layer between "
            "others; structure=unstructured would do"
        )
    removed: set[int] = set()
    for own, count in zip(free, _counts(free, scores, choice), strict=True):
        lowest = own[np.argsort(scores[own], kind="stable")]
        removed.update(lowest[:count].tolist())
    layers_first = sorted((channels.of[node.outputs[0]] for node in makers), key=len)
    return _restored(removed, layers_first, choice.round_to, channels, scores)


def _makes_channels(node: Node) -> bool:
    if isinstance(node.op, Conv2d):
        return not node.op.is_depthwise
    return isinstance(node.op, (Conv2dTranspose, Linear))


def _scores(makers: list[Node], channels: Channels, criterion: Criterion) -> FloatArray:
    """Return per channel number the norm of all filters that make it, taken together.

    L1: sum |w|; L2: sqrt(sum w^2) (Li et al., "Pruning Filters for Efficient ConvNets", arXiv
    1608.08710, section 3.1). Filters coupled by a residual sum or by groups add up, not
    normalised.
    """
    count = 1 + max((int(own.max(initial=0)) for own in channels.of.values()), default=0)
    totals = np.zeros(count)
    for node in makers:
        weight = node.op.weight
        if weight is None:
            continue
        real = weight.real().reshape(weight.shape[0], -1)
        norms = np.abs(real).sum(axis=1) if criterion == "l1" else (real**2).sum(axis=1)
        np.add.at(totals, channels.of[node.outputs[0]], norms)
    return totals if criterion == "l1" else np.sqrt(totals)


def _groups(makers: list[Node], channels: Channels) -> list[list[int]]:
    """Return the channels in groups: two are in one where some layer makes both."""
    made = sorted({c for node in makers for c in channels.of[node.outputs[0]].tolist()})
    place = {channel: i for i, channel in enumerate(made)}
    sets = DisjointSets(len(made))
    for node in makers:
        own = channels.of[node.outputs[0]].tolist()
        for channel in own[1:]:
            sets.join(place[own[0]], place[channel])
    groups: dict[int, list[int]] = {}
    for channel, root in zip(made, sets.roots().tolist(), strict=True):
        groups.setdefault(root, []).append(channel)
    return list(groups.values())


def _counts(free: list[IntArray], scores: FloatArray, choice: Choice) -> list[int]:
    """Return how many channels of each group the scope asks to remove."""
    if choice.scope == "local":
        return [round(choice.sparsity * len(own)) for own in free]
    relative = [scores[own] / (scores[own].mean() or 1.0) for own in free if len(own)]
    owners = np.concatenate([np.full(len(own), i) for i, own in enumerate(free)])
    ranked = np.concatenate(relative) if relative else np.zeros(0)
    lowest = np.argsort(ranked, kind="stable")[: round(choice.sparsity * len(ranked))]
    return np.bincount(owners[lowest].astype(np.int64), minlength=len(free)).tolist()


def _restored(
    removed: set[int],
    layers: Sequence[IntArray],
    round_to: int,
    channels: Channels,
    scores: FloatArray,
) -> frozenset[int]:
    """Return `removed` less the best of each layer or tensor that would keep too few.

    Args:
        removed: Channels.
        layers: Channels of what each layer makes; branches before what they are joined to.
        round_to: A layer keeps a multiple of this, or all.
        channels: Of the graph; every tensor keeps one.
        scores: By channel.
    """
    gone = np.zeros(len(scores), bool)
    gone[list(removed)] = True
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
