"""Sampling: which combinations of the axes' values a sweep tries."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from hwsim.errors import RecipeError
from hwsim.sweeps.axes import MOST_POINTS, Listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.arrays import FloatArray
    from hwsim.sweeps.axes import Axis, Choice

Kind: TypeAlias = Literal["grid", "random", "latin_hypercube", "list"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How combinations are chosen.

    Attributes:
        kind: `grid` takes them all, the last axis fastest. `random` draws each value apart.
            `latin_hypercube` draws so that the samples spread evenly over each axis (McKay, Beckman
            and Conover, Technometrics 21(2), 1979). `list` takes `points` as they are.
        samples: How many are drawn; None where nothing is.
        seed: Of the draws; the same seed draws the same samples.
        points: Of a list.
    """

    kind: Kind = "grid"
    samples: int | None = None
    seed: int = 0
    points: Sequence[Choice] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        """Check that what was given belongs together."""
        if self.kind not in ("grid", "random", "latin_hypercube", "list"):
            raise RecipeError(
                f"sampling: expected grid, random, latin_hypercube or list, got {self.kind!r}"
            )
        draws = self.kind in ("random", "latin_hypercube")
        if draws != (self.samples is not None):
            need = "samples: N" if draws else "no samples: it takes all of them"
            raise RecipeError(f"sampling: {self.kind} expected {need}, got {self.samples}")
        if self.samples is not None and self.samples < 1:
            raise RecipeError(f"samples: expected 1 or more, got {self.samples}")
        if (self.kind == "list") != bool(self.points):
            need = "points: [{AXIS: VALUE}, ...]" if self.kind == "list" else "no points"
            raise RecipeError(f"sampling: {self.kind} expected {need}")
        if self.seed < 0:
            raise RecipeError(f"seed: expected 0 or more, got {self.seed}")

    def count(self, axes: Mapping[str, Axis]) -> int:
        """Return how many combinations there are.

        Raises:
            RecipeError: A grid cannot count through an axis.
        """
        if self.kind == "list":
            return len(self.points)
        if self.samples is not None:
            return self.samples
        for name, axis in axes.items():
            if not isinstance(axis, Listed):
                raise RecipeError(
                    f"axis {name}: a grid expects values or steps, got from and to only; add "
                    "steps: N, or sampling: latin_hypercube and samples: N"
                )
        return math.prod(len(axis.values) for axis in axes.values() if isinstance(axis, Listed))

    def choices(self, axes: Mapping[str, Axis]) -> list[Choice]:
        """Return the combinations, in a fixed order.

        Raises:
            RecipeError: See `count`, or there are too many.
        """
        count = self.count(axes)
        if count > MOST_POINTS:
            raise too_many(count)
        if self.kind == "list":
            return [dict(point) for point in self.points]
        if self.samples is None:
            listed = (axis.values for axis in axes.values() if isinstance(axis, Listed))
            return [dict(zip(axes, values, strict=True)) for values in product(*listed)]
        if not axes:
            raise RecipeError(f"sampling: {self.kind} expected axes to draw from, got none")
        shares = self._shares(self.samples, len(axes))
        return [
            {name: axis.at(share) for (name, axis), share in zip(axes.items(), row, strict=True)}
            for row in shares.tolist()
        ]

    def _shares(self, count: int, axes: int) -> FloatArray:
        """Return places [count, axes], each in 0 <= place < 1."""
        rng = np.random.default_rng(self.seed)
        if self.kind == "random":
            return rng.random((count, axes))
        from scipy.stats import qmc  # scipy.stats takes most of a second to import

        return qmc.LatinHypercube(axes, rng=rng).random(count)


def axes_of_list(points: Sequence[Choice]) -> tuple[str, ...]:
    """Return the names of the axes that a list of points gives.

    Raises:
        RecipeError: Points give other axes than the first one.
    """
    names = tuple(points[0]) if points else ()
    for place, point in enumerate(points):
        if set(point) != set(names):
            raise RecipeError(
                f"points.{place}: expected values of {', '.join(names) or 'nothing'}, as the first "
                f"point has, got {', '.join(point) or 'nothing'}"
            )
    return names


def too_many(count: int) -> RecipeError:
    """Return the refusal of a sweep of `count` points."""
    return RecipeError(
        f"sweep: expected at most {MOST_POINTS} points, got {count}; use fewer values, or "
        "sampling: latin_hypercube with samples: N"
    )


def too_few(count: int, where: Sequence[str]) -> RecipeError:
    """Return the refusal of a sweep none of whose points meets its conditions."""
    told = "; ".join(where)
    return RecipeError(f"where: none of {count} points meets {told:.200}; loosen a condition")
