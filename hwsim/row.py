"""One model under one recipe on some devices: what one worker of a sweep does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

from hwsim.errors import FormatError, RecipeError, UnsupportedError
from hwsim.evaluation import bare, estimate, measure, priced, result_of
from hwsim.records import Refusal, Result
from hwsim.reference import stacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.data import Data
    from hwsim.evaluation import Finish, Measured
    from hwsim.graph import Graph
    from hwsim.numerics import Numerics
    from hwsim.profile import DeviceProfile

Outcome: TypeAlias = "Result | Refusal"

Price: TypeAlias = "Callable[[Graph], float]"
"""What a graph costs, lower is better."""

Measure: TypeAlias = "Callable[[Numerics], Measured]"
"""Integer arithmetic to what the samples show under it."""


class Recipe(Protocol):
    """What a sweep needs of a recipe: `compressors.parse` returns such."""

    @property
    def name(self) -> str:
        """For reports."""
        ...

    @property
    def is_priced(self) -> bool:
        """Whether the result depends on what graphs cost on the device at hand."""
        ...

    def apply(self, graph: Graph, data: Data | None = None, *, price: Price | None = None) -> Graph:
        """Return the compressed graph."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A device with what was laid over its profile.

    Attributes:
        profile: Overrides applied.
        overrides: `key=value` texts, for reports.
    """

    profile: DeviceProfile
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model under one recipe, on every target: what one worker does.

    Attributes:
        graph: The model as it is.
        recipe: How to compress it.
        targets: Where to evaluate it.
        data: Labelled samples that judge it.
        training_data: What the recipe may calibrate and train on.
        finish: What is done to each result: `hwsim.evaluation.detailed` where a page is made.
    """

    graph: Graph
    recipe: Recipe
    targets: tuple[Target, ...]
    data: Data | None
    training_data: Data | None
    finish: Finish = bare

    def evaluate(self) -> list[Outcome]:
        """Return one outcome per target; the model is compressed once, run once per numerics.

        A recipe that asks for prices is applied for each target anew.
        """
        if self.data is not None:
            stacked(self.graph, self.data.x)
        if not self.recipe.is_priced:
            return self._compressed(self.targets, None)
        return [
            outcome
            for target in self.targets
            for outcome in self._compressed((target,), latency_on(target.profile))
        ]

    def _compressed(self, targets: tuple[Target, ...], price: Price | None) -> list[Outcome]:
        try:
            graph = self.recipe.apply(self.graph, self.training_data, price=price)
        except (RecipeError, UnsupportedError, FormatError) as error:
            return [self._refusal(target, str(error)) for target in targets]
        # Devices that round alike share one run over the data.
        measured_under = cache(partial(measure, graph, self.data))
        return [self._on(target, graph, measured_under) for target in targets]

    def _on(self, target: Target, graph: Graph, measured_under: Measure) -> Outcome:
        try:
            made = priced(graph, target.profile, self.data)
            measured = measured_under(target.profile.numerics.resolve())
        except UnsupportedError as error:
            return self._refusal(target, str(error))
        result = result_of(
            graph,
            target.profile,
            made.estimate,
            measured,
            recipe=self.recipe.name,
            overrides=target.overrides,
        )
        return self.finish(result, made)

    def _refusal(self, target: Target, reason: str) -> Refusal:
        return Refusal(
            model=self.graph.name,
            recipe=self.recipe.name,
            device=target.profile.name,
            overrides=target.overrides,
            reason=reason,
        )


def latency_on(profile: DeviceProfile) -> Price:
    """Return the price of graphs on a device: seconds of one inference.

    It raises UnsupportedError for a graph that the device cannot run.
    """
    return lambda graph: estimate(graph, profile).latency_s
