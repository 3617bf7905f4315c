"""Trials in a store: there as soon as they are judged, and taken up again after a kill."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

from hwsim.errors import InterchangeError
from hwsim.evaluation import detailed
from hwsim.records import Point
from hwsim.search.explore import SEARCHED
from hwsim.search.figures import figures_at
from hwsim.search.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hwsim.records import Result
    from hwsim.row import Target
    from hwsim.search.space import Choice, Value
    from hwsim.store import Store

Names: TypeAlias = "Callable[[Choice], tuple[str, str]]"
"""A choice to the names of its model and its recipe; no two trials of a stage have the same."""

# What tells the stages of one choice apart, beside the axes.
_STAGE = "stage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The trials of one search in a store: a point per trial and device, a result where best.

    Attributes:
        store: Where they lie.
        identity: Everything that the figures depend on beside choice and device, as texts by what
            they say; a search is taken up again only where all are the same.
        axes: Of the space.
        targets: What judges.
        names: Of what is judged.
        has_stages: Whether trials are judged again after the search.
        seed: Of what is drawn.
    """

    store: Store
    identity: Mapping[str, str]
    axes: tuple[str, ...]
    targets: Sequence[Target]
    names: Names
    has_stages: bool = False
    seed: int = 0

    def begin(self, *, resume: bool) -> list[Trial]:
        """Return the trials that are there already, by rising number.

        Args:
            resume: Whether to go on with what lives there; a new search needs a new file.

        Raises:
            InterchangeError: Another search lives there, or one does and `resume` is not asked for.
        """
        before = self.store.spec()
        if before:
            self._require_same(before, resume)
        axes = (*self.axes, _STAGE) if self.has_stages else self.axes
        self.store.begin(self._spec, axes, kind="search")
        points = self.store.points().points
        return [
            self._trial(number, tuple(own))
            for number, (_, own) in enumerate(groupby(points, key=lambda p: _text(p.axes)))
        ]

    def keep(self, trial: Trial, *, is_best: bool) -> None:
        """Write a trial; where it is best by now, its results with their details too."""
        model, recipe = self.names(trial.choice)
        if trial.stage != SEARCHED:
            model = f"{model} {trial.stage}"
        named = [replace(result, model=model, recipe=recipe) for result in trial.results]
        points = (
            [
                _priced(self._point(trial, target, model, recipe), result)
                for target, result in zip(self.targets, named, strict=True)
            ]
            if named
            else [self._point(trial, target, model, recipe) for target in self.targets]
        )
        full = (
            {
                point.key: detailed(result, made_of)
                for point, result, made_of in zip(points, named, trial.made_of, strict=True)
            }
            if is_best and named
            else {}
        )
        self.store.keep(points, full)

    @property
    def _spec(self) -> str:
        return json.dumps({"search": dict(self.identity)}, ensure_ascii=False, sort_keys=True)

    def _require_same(self, before: str, resume: bool) -> None:
        path = self.store.path
        try:
            other: Mapping[str, str] = json.loads(before)["search"]
        except (ValueError, KeyError, TypeError):
            raise InterchangeError(
                f"{path}: a sweep lives here, not a search; give another path"
            ) from None
        for name in dict.fromkeys([*self.identity, *other]):
            if self.identity.get(name) != other.get(name):
                raise InterchangeError(
                    f"{path}: another search lives here (its {name} differs); give another path"
                )
        if not resume:
            raise InterchangeError(
                f"{path}: this search lives here already; give --resume to go on with it, "
                "or another path"
            )

    def _trial(self, number: int, points: tuple[Point, ...]) -> Trial:
        first = points[0]
        return Trial(
            number=number,
            choice={axis: first.axes[axis] for axis in self.axes},
            stage=str(first.axes.get(_STAGE, SEARCHED)),
            figures=() if first.refused else tuple(map(figures_at, points)),
            refused=first.refused,
        )

    def _point(self, trial: Trial, target: Target, model: str, recipe: str) -> Point:
        axes: dict[str, Value] = dict(trial.choice)
        if self.has_stages:
            axes[_STAGE] = trial.stage
        parts = (self._spec, _text(axes), target.profile.sha256)
        return Point(
            key=hashlib.sha256("\0".join(parts).encode()).hexdigest(),
            model=model,
            recipe=recipe,
            device=target.profile.name,
            axes=axes,
            overrides=target.overrides,
            seed=self.seed,
            profile_sha256=target.profile.sha256,
            refused=trial.refused,
        )


def _text(axes: Mapping[str, Value]) -> str:
    return json.dumps(dict(axes), sort_keys=True)


def _priced(point: Point, result: Result) -> Point:
    estimate, accuracy = result.estimate, result.accuracy
    return replace(
        point,
        latency_s=estimate.latency_s,
        latency_low_s=estimate.latency_low_s,
        latency_high_s=estimate.latency_high_s,
        energy_j=estimate.energy_j,
        peak_ram_bytes=result.peak_ram_bytes,
        flash_bytes=result.flash_bytes,
        fits=result.fits,
        top1=None if accuracy is None else accuracy.top1,
        macs=estimate.macs,
        macs_effective=estimate.macs_effective,
        is_calibrated=result.is_calibrated,
    )
