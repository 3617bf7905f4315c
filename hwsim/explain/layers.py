"""Layers: what of two models is the same layer, and what each of them spends on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.explain.lanes import with_empty_lanes_padded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.records import StepEstimate


@dataclass(frozen=True, slots=True)
class Side:
    """The steps that one of the models runs for a layer; a factorised one has several.

    Attributes:
        steps: In order of execution, slots of empty lanes as padding; none where the model has no
            such layer.
        terms_s: Seconds by term, over the steps.
    """

    steps: tuple[StepEstimate, ...]
    terms_s: Mapping[str, float]

    @classmethod
    def of(cls, steps: Sequence[StepEstimate]) -> Side:
        """Return the side of these steps."""
        steps = tuple(map(with_empty_lanes_padded, steps))
        terms: dict[str, list[float]] = {}
        for step in steps:
            for term, seconds in step.terms_s.items():
                terms.setdefault(term, []).append(seconds)
        return cls(steps, {term: math.fsum(own) for term, own in terms.items()})

    @property
    def seconds(self) -> float:
        """Latency."""
        return math.fsum(self.terms_s.values())

    @property
    def main(self) -> StepEstimate:
        """The step that takes longest."""
        return max(self.steps, key=lambda step: step.latency_s)

    def count(self, name: str) -> int:
        """Return a field of `Counts`, over the steps."""
        return sum(getattr(step.counts, name) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of either model, or of both.

    Attributes:
        name: Of the node.
        before: In the baseline.
        after: In the compressed model.
    """

    name: str
    before: Side
    after: Side

    @property
    def is_common(self) -> bool:
        """Whether both models have it."""
        return bool(self.before.steps and self.after.steps)

    @property
    def main(self) -> StepEstimate:
        """Its longest step; the compressed model's where it has any."""
        return (self.after if self.after.steps else self.before).main

    @property
    def left(self) -> float | None:
        """Effective MACs of the compressed model over the baseline's; None for none before."""
        before = self.before.count("macs_effective")
        return self.after.count("macs_effective") / before if before else None


def layers_of(before: Sequence[StepEstimate], after: Sequence[StepEstimate]) -> tuple[Layer, ...]:
    """Return the layers of two models, matched by name, in order of execution.

    A step that only the compressed model has and that is called `X/part` is part of layer X where
    both models have X: so factors and taken-apart norms are named. Layers that only the baseline
    has stand before the common layer that they stood before.
    """
    known = {step.name: step for step in before}
    kept = known.keys() & {step.name for step in after}
    groups: dict[str, list[StepEstimate]] = {}
    for step in after:
        whole = step.name.rpartition("/")[0]
        is_part = step.name not in known and whole in kept
        groups.setdefault(whole if is_part else step.name, []).append(step)
    gone = _gone(before, kept)
    layers: list[Layer] = []
    for name, steps in groups.items():
        layers += [Layer(one.name, Side.of([one]), Side.of([])) for one in gone.pop(name, [])]
        own = [known[name]] if name in known else []
        layers.append(Layer(name, Side.of(own), Side.of(steps)))
    rest = [one for group in gone.values() for one in group]
    return (*layers, *(Layer(one.name, Side.of([one]), Side.of([])) for one in rest))


def _gone(before: Sequence[StepEstimate], kept: set[str]) -> dict[str, list[StepEstimate]]:
    """Return what only the baseline has by the common step that follows; by "" behind the last."""
    gone: dict[str, list[StepEstimate]] = {}
    waiting: list[StepEstimate] = []
    for step in before:
        if step.name not in kept:
            waiting.append(step)
        elif waiting:
            gone[step.name], waiting = waiting, []
    return gone | ({"": waiting} if waiting else {})
