"""Fewer channels: round a layer down to what its kernel works in, with all that depends on it.

The filters of least L1 norm go (Li et al., "Pruning Filters for Efficient ConvNets", arXiv
1608.08710, section 3.1), and with them everything that reads or shares their channels.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hwsim.advice.candidate import Candidate, listed
from hwsim.advice.multiples import wishes_of
from hwsim.channels.dead import without_dead
from hwsim.channels.find import Channels, find_channels
from hwsim.channels.layers import Layer, makes_channels
from hwsim.channels.removal import without

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hwsim.advice.candidate import Present, Priced
    from hwsim.advice.multiples import Need, Wish
    from hwsim.arrays import Array, FloatArray, IntArray
    from hwsim.graph import Graph

# Layers that share channels may undo each other's multiples; then they are asked again.
_ROUNDS = 3


def channel_changes(present: Present) -> Iterator[Priced]:
    """Yield what rounding down would cost: each layer alone, all that are faster so, and all.

    Where the channels of a layer cannot go (they are the model's own inputs or outputs, pass ops
    that mix them, or leave a pattern that the storage format does not hold), nothing is said.
    """
    runtime = present.device.runtime
    is_removed = runtime.current.removes_dead_channels
    graph = without_dead(present.graph) if is_removed else present.graph
    shrinking = _Shrinking.of(graph)
    wishes = wishes_of(present, graph)
    told: set[frozenset[int]] = {frozenset()}
    paid: list[Wish] = []
    for wish in wishes:
        gone = shrinking.met(wish.needs, shrinking.none)
        if gone is None or (removed := _numbers(gone)) in told:
            continue
        told.add(removed)
        priced = present.price(shrinking.single(wish, gone))
        if priced is not None:
            paid += [wish] if present.is_faster(priced) else []
            yield priced
    for several, where in ((paid, " where that pays"), (wishes, "")):
        gone = shrinking.all_met(several)
        if (removed := _numbers(gone)) not in told:
            told.add(removed)
            priced = present.price(shrinking.together(several, gone, where))
            if priced is not None:
                yield priced


def _numbers(gone: Array) -> frozenset[int]:
    return frozenset(np.flatnonzero(gone).tolist())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Shrinking:
    """A graph whose channels may go.

    Attributes:
        graph: What may shrink.
        channels: Of it.
        scores: By channel, the L1 norm of all filters that make it.
        fixed: By channel, whether it must stay.
        makers: By name of the layer, the channels that its filters make.
    """

    graph: Graph
    channels: Channels
    scores: FloatArray
    fixed: Array
    makers: Mapping[str, IntArray]

    @classmethod
    def of(cls, graph: Graph) -> _Shrinking:
        channels = find_channels(graph)
        scores, fixed = np.zeros(channels.count), np.zeros(channels.count, bool)
        fixed[list(channels.fixed)] = True
        makers: dict[str, IntArray] = {}
        for node in graph.nodes:
            if isinstance(node.op, Layer) and makes_channels(node):
                own = makers[node.name] = channels.of[node.outputs[0]]
                norms = np.abs(node.op.weight.real().reshape(len(own), -1)).sum(axis=1)
                np.add.at(scores, own, norms)
        return cls(graph=graph, channels=channels, scores=scores, fixed=fixed, makers=makers)

    @property
    def none(self) -> Array:
        """No channel gone."""
        return np.zeros(self.channels.count, bool)

    def met(self, needs: Sequence[Need], gone: Array) -> Array | None:
        """Return what is gone once all `needs` are met; None where that cannot be had."""
        for _ in range(_ROUNDS):
            before = gone
            for need in needs:
                more = self._rounded(need, gone)
                if more is None:
                    return None
                gone = more
            if gone is before:
                break
        is_left = all(not gone[own].all() for own in self.channels.of.values() if len(own))
        return gone if is_left else None

    def all_met(self, wishes: Sequence[Wish]) -> Array:
        """Return what is gone once every wish is met that can be."""
        gone = self.none
        for _ in range(_ROUNDS):
            before = gone
            for wish in wishes:
                more = self.met(wish.needs, gone)
                gone = gone if more is None else more
            if gone is before:
                break
        return gone

    def _rounded(self, need: Need, gone: Array) -> Array | None:
        """Return what is gone once the tensor has a multiple; the lowest scores go first.

        None where its channels must stay, or half of them would go.
        """
        own = self.channels.of[need.tensor]
        left = own[~gone[own]]
        if len(left) % need.multiple == 0:
            return gone
        numbers, sizes = np.unique(left, return_counts=True)
        is_free = ~self.fixed[numbers]
        numbers, sizes = numbers[is_free], sizes[is_free]
        order = np.argsort(self.scores[numbers], kind="stable")
        rest = len(left) - np.cumsum(sizes[order])
        fits = np.flatnonzero((rest % need.multiple == 0) & (2 * rest > len(own)))
        if not len(fits):
            return None
        gone = gone.copy()
        gone[numbers[order[: fits[0] + 1]]] = True
        return gone

    def single(self, wish: Wish, gone: Array) -> Candidate:
        """Return the change that meets one wish."""
        lost = self._lost(gone)
        layer = wish.layer if wish.layer in lost else next(iter(lost))
        before = len(self.makers[layer])
        after = before - lost[layer]
        multiple = max(need.multiple for need in wish.needs)
        change = f"remove {_filters(lost[layer], 'more ')} of {layer} ({before} -> {after}"
        if layer == wish.layer and wish.side == "makes":
            change += f", the next multiple of {multiple})"
        else:
            change += f"), so that {wish.layer} {wish.side} a multiple of {multiple}"
        others = [f"{count} of {name}" for name, count in lost.items() if name != layer]
        change += f", and {listed(others)}" if others else ""
        return self._candidate(change, gone, layer)

    def together(self, wishes: Sequence[Wish], gone: Array, where: str) -> Candidate:
        """Return the change that meets many wishes."""
        lost = self._lost(gone)
        multiples = sorted({need.multiple for wish in wishes for need in wish.needs})
        change = (
            f"round every layer down to multiples of {', '.join(map(str, multiples))}{where} "
            f"({_filters(sum(lost.values()))} of {listed(list(lost))})"
        )
        return self._candidate(change, gone, None)

    def _lost(self, gone: Array) -> Counter[str]:
        """Return how many filters each layer loses; those that lose some."""
        return Counter(
            {name: n for name, own in self.makers.items() if (n := int(gone[own].sum()))}
        )

    def _candidate(self, change: str, gone: Array, layer: str | None) -> Candidate:
        build = partial(without, self.graph, self.channels, _numbers(gone))
        return Candidate(kind="channels", change=change, build=build, layer=layer)


def _filters(count: int, kind: str = "") -> str:
    return f"{count} {kind}filter{'s' * (count != 1)}"
