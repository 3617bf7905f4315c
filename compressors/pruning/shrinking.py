"""Remove filters, heads and residual blocks; shapes shrink."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from compressors.pruning.criteria import CRITERIA, scores_of
from compressors.pruning.filters import Choice, choose
from compressors.pruning.heads import find_heads, without_heads
from compressors.pruning.residual_blocks import find_residual_blocks, without_blocks
from hwsim.channels.find import Channels, find_channels
from hwsim.channels.layers import makes_channels
from hwsim.channels.removal import without
from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compressors.pruning.criteria import Study
    from compressors.pruning.filters import Scope
    from compressors.pruning.quota import Quota
    from compressors.pruning.schedule import Stage
    from hwsim.arrays import Array, FloatArray, IntArray
    from hwsim.graph import Graph


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What goes, of filters or heads.

    Attributes:
        criterion: Name of what scores them.
        scope: Whether those of one layer compete, or all, over the mean score of their layer.
        quota: How much of which layers goes.
        round_to: Filters that stay are rounded up to a multiple of this.
    """

    criterion: str
    scope: Scope
    quota: Quota
    round_to: int = 1


class Filters:
    """Removes filters step by step; fractions are of what there was at first."""

    def __init__(self, graph: Graph, selection: Selection) -> None:
        """Number the channels of `graph`."""
        self._graph, self._selection = graph, selection
        self._channels = find_channels(graph)
        self._free = {name for own in coupled_layers(graph, self._channels) for name in own}
        self._removed: frozenset[int] = frozenset()

    def to(self, study: Study, stage: Stage) -> Graph:
        """Return the graph of `study` with as few filters as there are after `stage`.

        Raises:
            RecipeError: None can go, or the criterion does not fit the graph.
        """
        chosen = self._selection.quota.choose(study.layers, study.graph.name)
        layers = {name: op for name, op in chosen.items() if name in self._free}
        scores = filter_scores(replace(study, layers=layers), self._selection.criterion)
        choice = Choice(
            sparsity=self._selection.quota.general(stage),
            scope=self._selection.scope,
            round_to=self._selection.round_to,
            fractions=self._selection.quota.own(layers, stage),
            exponent=CRITERIA[self._selection.criterion].exponent(study.p),
        )
        whole = {name: self._whole(name, own) for name, own in scores.items()}
        gone = choose(self._graph, self._channels, choice, layers, whole) | self._removed
        of = {tensor: own[self._is_left(own)] for tensor, own in self._channels.of.items()}
        left = Channels(of=of, fixed=self._channels.fixed)
        fresh, self._removed = gone - self._removed, gone
        return without(study.graph, left, fresh)

    def _made(self, layer: str) -> IntArray:
        """Return the channels that `layer` made at first."""
        node = next(node for node in self._graph.nodes if node.name == layer)
        return self._channels.of[node.outputs[0]]

    def _is_left(self, channels: IntArray) -> Array:
        return ~np.isin(channels, np.array(sorted(self._removed), np.int64))

    def _whole(self, layer: str, scores: FloatArray) -> FloatArray:
        """Return the scores of all filters that `layer` had at first: the least for those gone."""
        left = self._is_left(self._made(layer))
        if left.all():
            return scores
        whole = np.zeros(len(left))
        whole[left] = scores - min(scores.min(), 0.0) + np.finfo(np.float64).tiny
        return whole


def coupled_layers(graph: Graph, channels: Channels) -> tuple[tuple[str, ...], ...]:
    """Return the layers of which some filters can go, those together that share channels.

    Args:
        graph: Whose nodes are named, in order.
        channels: Of `graph`.
    """
    groups: list[tuple[tuple[str, ...], frozenset[int]]] = []
    for node in filter(makes_channels, graph.nodes):
        names, own = (node.name,), frozenset(channels.of[node.outputs[0]].tolist())
        if own <= channels.fixed:
            continue
        for other in [group for group in groups if group[1] & own]:
            groups.remove(other)
            names, own = other[0] + names, own | other[1]
        groups.append((names, own))
    place = {node.name: i for i, node in enumerate(graph.nodes)}
    return tuple(sorted((names for names, _ in groups), key=lambda names: place[names[0]]))


def filter_scores(study: Study, criterion: str) -> Mapping[str, FloatArray]:
    """Return the score [out] of every filter of the layers of `study`, powers of norms unrooted."""
    rule = CRITERIA[criterion]
    scores = scores_of(study, rule)
    if rule.unit == "filter":
        return scores
    rows = {name: own.reshape(own.shape[0], -1) for name, own in scores.items()}
    if criterion == "random":
        return {name: own[:, 0] for name, own in rows.items()}
    return {name: own.sum(axis=1) for name, own in rows.items()}


class Heads:
    """Removes attention heads step by step; fractions are of what there was at first."""

    def __init__(self, graph: Graph, selection: Selection) -> None:
        """Count the heads of `graph`.

        Raises:
            RecipeError: There are none.
        """
        self._selection = selection
        known = {heads.name: heads.count for heads in find_heads(graph)}
        if not known:
            raise RecipeError(
                f"{graph.name}: prune{{structure=head}} expected attention with heads, found none; "
                "structure=filter or structure=row would do"
            )
        self._counts = selection.quota.choose(known, graph.name)

    def to(self, study: Study, stage: Stage) -> Graph:
        """Return the graph of `study` with as few heads as there are after `stage`; one stays."""
        criterion, quota = CRITERIA[self._selection.criterion], self._selection.quota
        heads = [heads for heads in find_heads(study.graph) if heads.name in self._counts]
        owned = {name for own in heads for name in (*own.rows, *own.columns)}
        layers = {name: op for name, op in study.layers.items() if name in owned}
        elements = scores_of(replace(study, layers=layers), criterion)
        root = 1.0 / criterion.exponent(study.p)
        scores = {own.name: own.scores(elements) ** root for own in heads}
        own_fractions = quota.own(scores, stage)
        alone = {
            name: scores.pop(name)
            for name in tuple(scores)
            if self._selection.scope == "local" or name in own_fractions
        }
        removed: dict[str, IntArray] = {}
        for name, own in alone.items():
            removed |= self._lowest({name: own}, quota.fraction(name, stage))
        removed |= self._lowest(scores, quota.general(stage))
        return without_heads(study.graph, {k: v for k, v in removed.items() if len(v)})

    def _lowest(self, scores: Mapping[str, FloatArray], fraction: float) -> dict[str, IntArray]:
        """Return what goes of attentions that compete, over their means; one head stays of each."""
        gone: dict[str, list[int]] = {name: [] for name in scores}
        at_first = sum(self._counts[name] for name in scores)
        count = round(fraction * at_first) - (at_first - sum(map(len, scores.values())))
        ranked = sorted(
            (score / (own.mean() or 1.0), name, head)
            for name, own in scores.items()
            for head, score in enumerate(own.tolist())
        )
        for _, name, head in ranked:
            if count > 0 and len(gone[name]) < len(scores[name]) - 1:
                gone[name].append(head)
                count -= 1
        return {name: np.array(sorted(own), np.int64) for name, own in gone.items()}


class Blocks:
    """Removes residual blocks step by step; fractions are of what there was at first."""

    def __init__(self, graph: Graph, criterion: str, quota: Quota) -> None:
        """Count the blocks of `graph`.

        Raises:
            RecipeError: There are none.
        """
        self._criterion, self._quota = criterion, quota
        known = {block.name: block for block in find_residual_blocks(graph)}
        if not known:
            raise RecipeError(
                f"{graph.name}: prune{{structure=layer}} expected residual blocks, y = x + f(x), "
                "found none: other layers cannot go without another shape of what is left"
            )
        self._names = tuple(quota.choose(known, graph.name))

    def to(self, study: Study, stage: Stage) -> Graph:
        """Return the graph of `study` with as few blocks as there are after `stage`."""
        blocks = [b for b in find_residual_blocks(study.graph) if b.name in self._names]
        scores = self._scores(study)
        count = round(self._quota.general(stage) * len(self._names))
        count -= len(self._names) - len(blocks)
        removed: list[str] = []
        within: set[str] = set()
        for block in sorted(blocks, key=lambda block: scores[block.name]):
            if len(removed) < count and block.name not in within:
                removed.append(block.name)
                within.update(block.nodes)
        return without_blocks(study.graph, removed)

    def _scores(self, study: Study) -> dict[str, float]:
        criterion = CRITERIA[self._criterion]
        if criterion.unit == "block":
            return {name: float(score) for name, score in scores_of(study, criterion).items()}
        scores: dict[str, float] = {}
        elements = scores_of(study, criterion)
        for block in find_residual_blocks(study.graph):
            total = sum(float(elements[name].sum()) for name in block.nodes if name in elements)
            scores[block.name] = total ** (1.0 / criterion.exponent(study.p))
        return scores
