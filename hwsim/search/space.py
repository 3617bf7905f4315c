"""What may be chosen, what is sought, and what must be kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from hwsim.errors import RecipeError
from hwsim.search.constraints import device_of, figure_of
from hwsim.search.figures import ACCURACY, FIGURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np

Value: TypeAlias = int | float | str | bool

Choice: TypeAlias = Mapping[str, Value]
"""One value of every axis."""

# Other columns of the table of trials.
_TAKEN = ("trial", "stage", "device", "fits", "violated", "is_pareto", "refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A finite space of choices.

    Attributes:
        axes: The values of each axis; those of numbers in ascending order, so that near ones
            resemble each other.
        objectives: Names out of `FIGURES`; costs are made small, accuracy is made large.
        limits: By names out of `FIGURES`: costs are at most this, accuracy is at least this, on
            every device; on one of them by names such as `latency_s@DEVICE`.
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
        limited = tuple(map(figure_of, self.limits))
        for what, names in (("objective", self.objectives), ("constraint", limited)):
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
        return ACCURACY in (*self.objectives, *map(figure_of, self.limits))

    def require_devices(self, devices: Iterable[str]) -> None:
        """Refuse a limit on a device that does not judge.

        Raises:
            RecipeError: There is one.
        """
        known = tuple(devices)
        for name in self.limits:
            if device_of(name) not in ("", *known):
                raise RecipeError(
                    f"search: constraint {name} expected a device that judges, got "
                    f"{device_of(name)!r}; known: {', '.join(known)}"
                )

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
