"""Run a plan: hand out its jobs, make points of what comes back, keep them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from hwsim.records import Point, Points
from hwsim.sweeps.check import check_values
from hwsim.sweeps.jobs import cells_of, jobs_of
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
        are_told: Whether the first point with figures of each model, recipe and device is wanted
            in full, as far as the keeper has none.
        on_points: Told how many more points are finished.

    Raises:
        ProfileError: A value that no profile can have.
        DataError: The data does not fit a model.
    """
    check_values(plan)
    work = _Work(plan, keeper, on_points)
    cells = cells_of(plan) if are_told else []
    # Most often a cell's first point has figures, and is told while it is priced anyway.
    left = [cell for cell in cells if work.told.isdisjoint(cell)]
    missing = [at for at in range(len(plan.places)) if at not in work.found]
    work.do(engine(jobs_of(plan, missing, {cell[0] for cell in left})), are_points=True)
    # Where it was refused, or finished earlier, the first one with figures is.
    left = [cell for cell in left if work.told.isdisjoint(cell)]
    firsts = {at for cell in left if (at := work.first_priced(cell)) is not None}
    if firsts:
        work.do(engine(jobs_of(plan, sorted(firsts), firsts)), are_points=False)
    return work.outcome


class _Work:
    """What is done of a plan."""

    def __init__(self, plan: Plan, keeper: Keeper | None, on_points: Callable[[int], None]) -> None:
        """Begin with what `keeper` has."""
        self._plan, self._keeper, self._on_points = plan, keeper, on_points
        self._results: dict[int, Result] = {}
        self.found: dict[int, Point] = {}
        self.told = set[int]()
        if keeper is not None:
            keeper.begin(plan.spec.text, plan.spec.names, (place.key for place in plan.places))
            kept = {point.key: point for point in keeper.points().points}
            told = keeper.told()
            for at, place in enumerate(plan.places):
                if place.key in kept:
                    self.found[at] = kept[place.key]
                if place.key in told:
                    self.told.add(at)
        self._earlier = len(self.found)
        on_points(self._earlier)

    def do(self, answers: Iterator[Iterable[Part]], *, are_points: bool) -> None:
        """Take what comes of jobs: points and results, or only results of points found before."""
        for part in (part for parts in answers for part in parts):
            points = dict(_points(self._plan, part)) if are_points else {}
            # A result is of a part's first point.
            results = dict(zip(part.places, part.results, strict=False))
            self.found.update(points)
            self._results.update(results)
            self.told.update(results)
            # Another try may do where a worker died: that is not kept as finished.
            if self._keeper is not None and not part.is_lost:
                full = {self._plan.places[at].key: result for at, result in results.items()}
                self._keeper.keep(tuple(points.values()), full)
            self._on_points(len(points))

    def first_priced(self, places: Iterable[int]) -> int | None:
        """Return the first place whose point has figures; None where all are refused."""
        return next((at for at in places if self.found[at].refused is None), None)

    @property
    def outcome(self) -> Outcome:
        """Everything, in the order asked for."""
        ordered = tuple(self.found[at] for at in range(len(self._plan.places)))
        return Outcome(
            points=Points(axes=self._plan.spec.names, points=ordered),
            results=tuple(self._results[at] for at in sorted(self._results)),
            earlier=self._earlier,
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
        batch=place.batch,
        profile_sha256=plan.digests[place.device],
        **figures,
    )
