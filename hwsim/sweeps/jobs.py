"""Jobs of a plan: points by model and recipe, small enough for all workers to have some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.profile.scaled import is_scale
from hwsim.sweeps.job import Job
from hwsim.sweeps.pricing import Group

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from hwsim.sweeps.plan import Place, Plan

MOST_TOLD = 256
"""Results that a sweep keeps in full, of one point of each model, recipe and device."""


def jobs_of(plan: Plan, places: Iterable[int], told: Collection[int] = ()) -> list[Job]:
    """Return what makes some points: one job per model, recipe and seed.

    Args:
        plan: All points.
        places: Of the points to make, rising.
        told: Of those that are wanted in full.
    """
    found: dict[tuple[int, int], dict[tuple[int, int], list[int]]] = {}
    for at in places:
        place = plan.places[at]
        groups = found.setdefault((place.model, id(place.made)), {})
        groups.setdefault((place.batch, place.device), []).append(at)
    return [_job(plan, list(groups.values()), told) for groups in found.values()]


def cells_of(plan: Plan) -> list[list[int]]:
    """Return the places of the points of each model, recipe and device, as far as they are told.

    The first of a cell stands for it on pages: the one that is most like the device as it is.
    """
    found: dict[tuple[int, str, int], list[int]] = {}
    for at, place in enumerate(plan.places):
        found.setdefault((place.model, place.made.name, place.device), []).append(at)
    cells = list(found.values())[:MOST_TOLD]
    return [sorted(cell, key=lambda at: _changes(plan.places[at])) for cell in cells]


def _changes(place: Place) -> int:
    """Return how many things a point changes of its device and of one sample at a time."""
    laid = (key for key, value in place.laid.items() if not (is_scale(key) and value == 1))
    return len(list(laid)) + (place.batch != 1)


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
    # The first one is told.
    places = sorted(places, key=lambda at: at not in told)
    own = [plan.places[at] for at in places]
    return Group(
        device=plan.devices[own[0].device],
        batch=own[0].batch,
        laid=tuple(place.laid for place in own),
        places=tuple(places),
        rounding=repr(plan.profiles[own[0].device].numerics.resolve()),
        is_told=places[0] in told,
    )
