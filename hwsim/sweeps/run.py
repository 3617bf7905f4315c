"""Run a plan: hand out its jobs, make points of what comes back, keep them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from hwsim.records import Point, Points
from hwsim.sweeps.check import check_values
from hwsim.sweeps.jobs import jobs_of
from hwsim.sweeps.pricing import texts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hwsim.records import Result
    from hwsim.sweeps.job import Job
    from hwsim.sweeps.keeper import Keeper
    from hwsim.sweeps.plan import Place, Plan
    from hwsim.sweeps.pricing import Part

_PRICES = ("latency_s", "latency_low_s", "latency_high_s", "energy_j", "is_calibrated")

Engine: TypeAlias = "Callable[[list[Job]], Iterator[Iterable[Part]]]"
"""Jobs to what comes of them, in whatever order they finish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a sweep found.

    Attributes:
        points: All of them, in the order asked for.
        results: In full, of first points; of those alone that were computed now.
        earlier: How many points were there already.
    """

    points: Points
    results: tuple[Result, ...]
    earlier: int


def here(jobs: list[Job]) -> Iterator[Iterable[Part]]:
    """Do all jobs in this process, one after the other."""
    for job in jobs:
        for part in job.parts():
            yield (part,)


def run(
    plan: Plan,
    engine: Engine = here,
    *,
    keeper: Keeper | None = None,
    are_told: bool = False,
    on_points: Callable[[int], None] = lambda count: None,
) -> Outcome:
    """Return what comes of all points.

    Args:
        plan: What to do.
        engine: What does it.
        keeper: Keeps points as they finish; what it has is not computed again.
        are_told: Whether first points are wanted in full.
        on_points: Told how many more points are finished.

    Raises:
        ProfileError: A value that no profile can have.
        DataError: The data does not fit a model.
    """
    names = plan.spec.names
    check_values(plan)
    kept: dict[str, Point] = {}
    if keeper is not None:
        keeper.begin(plan.spec.text, names, (place.key for place in plan.places))
        finished = keeper.finished()
        asked = {place.key for place in plan.places}
        kept = {point.key: point for point in keeper.points().points if point.key in asked}
        kept = {key: point for key, point in kept.items() if key in finished}
    jobs = jobs_of(plan, kept, are_told=are_told)
    on_points(len(kept))
    found: dict[int, Point] = {}
    results: list[Result] = []
    for parts in engine(jobs):
        for part in parts:
            points = dict(_points(plan, part))
            found.update(points)
            results += part.results
            # Another try may do where a worker died: that is not kept as finished.
            if keeper is not None and not part.is_lost:
                keeper.keep(tuple(points.values()), part.results)
            on_points(len(points))
    ordered = (
        kept[place.key] if place.key in kept else found[at] for at, place in enumerate(plan.places)
    )
    return Outcome(
        points=Points(axes=names, points=tuple(ordered)), results=tuple(results), earlier=len(kept)
    )


def _points(plan: Plan, part: Part) -> Iterator[tuple[int, Point]]:
    figures = part.figures
    if figures is None:
        for at in part.places:
            yield at, _named(plan, plan.places[at], refused=part.refused)
        return
    same = {
        "peak_ram_bytes": figures.peak_ram_bytes,
        "flash_bytes": figures.flash_bytes,
        "fits": figures.fits,
        "top1": figures.top1,
        "macs": figures.macs,
        "macs_effective": figures.macs_effective,
    }
    columns: dict[str, list[float | bool]] = {
        name: getattr(figures.prices, name).tolist() for name in _PRICES
    }
    for i, at in enumerate(part.places):
        prices = {name: column[i] for name, column in columns.items()}
        yield at, _named(plan, plan.places[at], **same, **prices)


def _named(plan: Plan, place: Place, **figures: Any) -> Point:
    return Point(
        key=place.key,
        model=plan.spec.graphs[place.model].name,
        recipe=place.made.name,
        device=plan.profiles[place.device].name,
        axes=place.axes,
        overrides=texts_of(place.laid),
        seed=place.made.seed,
        profile_sha256=plan.digests[place.device],
        **figures,
    )
