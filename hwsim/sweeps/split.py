"""Split jobs, so that every worker has something to do, and nothing is done twice for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hwsim.graph import Graph
    from hwsim.sweeps.job import Job
    from hwsim.sweeps.pricing import Group

# What is free to apply again for every piece.
_IDENTITY = "none"
# Fewer points are not worth the way to another worker.
_LEAST_POINTS = 64


def is_split(job: Job, pieces: int) -> bool:
    """Return whether a job is worth handing out in pieces."""
    return pieces > 1 and len(job.places) >= 2 * _LEAST_POINTS


def is_made_first(job: Job) -> bool:
    """Return whether pieces of a job share a graph that is worth compressing once."""
    return not (job.is_compressed or job.recipe.is_priced or str(job.recipe) == _IDENTITY)


def pieces_of(job: Job, graph: Graph | None, pieces: int) -> list[Job]:
    """Return a job in about so many pieces; groups that share a run over labels stay together.

    Args:
        job: What to split.
        graph: Compressed already; None where every piece applies the recipe itself.
        pieces: How many workers wait.
    """
    if graph is not None:
        job = replace(job, graph=graph, is_compressed=True)
    if not is_split(job, pieces):
        return [job]
    most = max(_LEAST_POINTS, -(-len(job.places) // pieces))
    is_judged = job.data is not None and job.data.y is not None
    found: list[list[Group]] = []
    by_rounding: dict[str, list[Group]] = {}
    for group in job.groups:
        by_rounding.setdefault(group.rounding if is_judged else "", []).append(group)
    for groups in by_rounding.values():
        if is_judged:
            found.append(groups)
        else:
            found += _packed([part for group in groups for part in _cut(group, most)], most)
    return [replace(job, groups=tuple(groups)) for groups in found]


def _cut(group: Group, most: int) -> list[Group]:
    """Return a group as groups of at most so many points; the first one is told."""
    return [
        replace(
            group,
            laid=group.laid[at : at + most],
            places=group.places[at : at + most],
            is_told=group.is_told and at == 0,
        )
        for at in range(0, len(group.places), most)
    ]


def _packed(groups: list[Group], most: int) -> list[list[Group]]:
    """Return neighbours together while they have at most so many points."""
    found: list[list[Group]] = []
    room = 0
    for group in groups:
        if len(group.places) > room:
            found.append([])
            room = most
        found[-1].append(group)
        room -= len(group.places)
    return found
