"""Jobs of a plan: points by model and recipe, small enough for all workers to have some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.sweeps.job import Job
from hwsim.sweeps.pricing import Group

if TYPE_CHECKING:
    from collections.abc import Collection

    from hwsim.sweeps.plan import Plan

MOST_TOLD = 256
"""Results that a sweep keeps in full, of the first point of each model, recipe and device."""


def jobs_of(plan: Plan, finished: Collection[str] = (), *, are_told: bool = False) -> list[Job]:
    """Return what makes the points that are not finished: one job per model, recipe and seed.

    Args:
        plan: All points.
        finished: Keys of points to leave out.
        are_told: Whether the first point of each model, recipe and device is wanted in full.
    """
    found: dict[tuple[int, int], dict[tuple[int, int], list[int]]] = {}
    told: dict[tuple[int, str, int], int] = {}
    for at, place in enumerate(plan.places):
        if place.key in finished:
            continue
        groups = found.setdefault((place.model, id(place.made)), {})
        groups.setdefault((place.batch, place.device), []).append(at)
        told.setdefault((place.model, place.made.name, place.device), at)
    wanted = set(list(told.values())[:MOST_TOLD]) if are_told else set[int]()
    return [_job(plan, list(groups.values()), wanted) for groups in found.values()]


def _job(plan: Plan, groups: list[list[int]], told: Collection[int]) -> Job:
    first = plan.places[groups[0][0]]
    return Job(
        graph=plan.spec.graphs[first.model],
        recipe=first.made.recipe,
        name=first.made.name,
        groups=tuple(_group(plan, places, told) for places in groups),
        data=plan.data[first.model],
        training_data=plan.training_data,
    )


def _group(plan: Plan, places: list[int], told: Collection[int]) -> Group:
    own = [plan.places[at] for at in places]
    return Group(
        device=plan.spec.devices[own[0].device],
        batch=own[0].batch,
        laid=tuple(place.laid for place in own),
        places=tuple(places),
        rounding=repr(plan.profiles[own[0].device].numerics.resolve()),
        is_told=places[0] in told,
    )
