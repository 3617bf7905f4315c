"""Tasks: what workers are sent, and what they send back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hwsim.sweeps.pricing import Part
from hwsim.sweeps.split import is_made_first, is_split, pieces_of

if TYPE_CHECKING:
    from hwsim.graph import Graph
    from hwsim.sweeps.job import Job

Answer: TypeAlias = "tuple[Part, ...] | Graph"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A job, or only its graph.

    Attributes:
        job: What to do.
        is_graph_alone: Whether the compressed graph is wanted, for its points to be handed out.
    """

    job: Job
    is_graph_alone: bool = False

    def lost(self, reason: str) -> tuple[Part, ...]:
        """Return the refusal of all its points, because workers died of it."""
        return (Part(places=self.job.places, refused=reason, is_lost=True),)


def answer(task: Task) -> Answer:
    """Do a task; workers call it.

    Raises:
        DataError: The data does not fit the model.
    """
    if not task.is_graph_alone:
        return tuple(task.job.parts())
    made = task.job.compressed()
    return (Part(places=task.job.places, refused=made),) if isinstance(made, str) else made


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """How jobs become tasks.

    Attributes:
        workers: How many there are to have some.
    """

    workers: int

    def first(self, jobs: list[Job]) -> list[Task]:
        """Return the tasks to begin with."""
        pieces = self._pieces(jobs)
        tasks: list[Task] = []
        for job in jobs:
            if is_split(job, pieces) and is_made_first(job):
                tasks.append(Task(job=job, is_graph_alone=True))
            else:
                tasks += [Task(job=own) for own in pieces_of(job, None, pieces)]
        return tasks

    def next(self, task: Task, given: Answer, jobs: list[Job]) -> list[Task]:
        """Return the tasks that an answer leads to: none, but of a graph."""
        if isinstance(given, tuple):
            return []
        return [Task(job=own) for own in pieces_of(task.job, given, self._pieces(jobs))]

    def _pieces(self, jobs: list[Job]) -> int:
        """Return in how many pieces each job is handed out: enough for all, twice over."""
        return -(-2 * self.workers // len(jobs)) if jobs else 1
