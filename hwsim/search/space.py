"""What may be chosen, what is sought, and what must be kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from hwsim.records import Result

Value: TypeAlias = int | float | str | bool

Choice: TypeAlias = Mapping[str, Value]
"""One value of every axis."""

COSTS: Mapping[str, Callable[[Result], float]] = {
    "latency_s": lambda result: result.latency_s,
    "energy_j": lambda result: result.energy_j,
    "peak_ram_bytes": lambda result: result.peak_ram_bytes,
    "flash_bytes": lambda result: result.flash_bytes,
}
"""What is better when it is less."""

ACCURACY = "accuracy"
FIGURES = (*COSTS, ACCURACY)
"""What objectives and limits may be about, in the order of tables."""

# Other columns of the table of trials.
_TAKEN = ("trial", "stage", "fits", "violated", "is_pareto", "refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A finite space of choices.

    Attributes:
        axes: The values of each axis; those of numbers in ascending order, so that near ones
            resemble each other.
        objectives: Names out of `FIGURES`; costs are made small, accuracy is made large.
        limits: By names out of `FIGURES`: costs are at most this, accuracy is at least this.
        canonical: Choices that mean the same to the same choice.

    Raises:
        RecipeError: No axis or no objective, an axis without values or with one of them twice, a
            name that is unknown or taken.
    """

    axes: Mapping[str, tuple[Value, ...]]
    objectives: tuple[str, ...] = ("latency_s", ACCURACY)
    limits: Mapping[str, float] = field(default_factory=dict[str, float])
    canonical: Callable[[Choice], Choice] = lambda choice: choice

    def __post_init__(self) -> None:
        """Check the names once."""
        for what, names in (("axis", self.axes), ("objective", self.objectives)):
            if not names:
                raise RecipeError(f"search space: expected at least one {what}, got none")
        for name, values in self.axes.items():
            if name in (*FIGURES, *_TAKEN):
                raise RecipeError(f"search space: an axis named {name!r} is a figure; rename it")
            if not values or len({(type(v), v) for v in values}) < len(values):
                raise RecipeError(
                    f"search space: axis {name} expected distinct values, got {list(values)}"
                )
        for what, names in (("objective", self.objectives), ("constraint", tuple(self.limits))):
            for name in names:
                if name not in FIGURES:
                    known = ", ".join(FIGURES)
                    raise RecipeError(f"search space: no {what} {name!r}; known: {known}")
        if len(set(self.objectives)) < len(self.objectives):
            raise RecipeError("search space: an objective is given twice; drop one")

    @property
    def size(self) -> int:
        """Number of choices; those that mean the same count apart."""
        return math.prod(len(values) for values in self.axes.values())

    @property
    def needs_labels(self) -> bool:
        """Whether an objective or a limit is about accuracy."""
        return ACCURACY in (*self.objectives, *self.limits)

    def at(self, places: Mapping[str, int]) -> Choice:
        """Return the choice of the values at these places; the first value of other axes."""
        return {axis: values[places.get(axis, 0)] for axis, values in self.axes.items()}

    def drawn(self, rng: np.random.Generator) -> dict[str, int]:
        """Return places drawn evenly, by axis."""
        return {axis: int(rng.integers(len(values))) for axis, values in self.axes.items()}

    def key(self, choice: Choice) -> tuple[tuple[type, Value], ...]:
        """Return what is equal for choices that mean the same."""
        meant = self.canonical(choice)
        return tuple((type(meant[axis]), meant[axis]) for axis in self.axes)


def figure(result: Result, name: str) -> float:
    """Return the figure `name` out of `FIGURES`.

    Raises:
        RecipeError: It is the accuracy, and no labelled data judged.
    """
    if name != ACCURACY:
        return COSTS[name](result)
    if result.accuracy is None:
        raise RecipeError(
            f"{result.model}: search expected labelled data for the accuracy, got none; give "
            "--data, or leave accuracy out of objectives and constraints"
        )
    return result.accuracy.top1


def loss(result: Result, name: str) -> float:
    """Return the figure with the sign by which less is better."""
    value = figure(result, name)
    return -value if name == ACCURACY else value
