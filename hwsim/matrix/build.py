"""Build: every structure on every device, from as few compressions as there are to do."""

from __future__ import annotations

from collections import defaultdict
from itertools import product
from typing import TYPE_CHECKING

from hwsim.errors import RecipeError, UnsupportedError
from hwsim.matrix.ladder import matrix_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor

    from hwsim.matrix.job import Cell, Job
    from hwsim.matrix.ladder import Cells
    from hwsim.matrix.matter import Matter
    from hwsim.matrix.structures import Pruning
    from hwsim.records import Matrix
    from hwsim.row import Target


def build(
    matter: Matter,
    *,
    executor: Executor | None = None,
    on_start: Callable[[int], None] | None = None,
    on_done: Callable[[str], None] | None = None,
) -> Matrix:
    """Return every structure on every device.

    Args:
        matter: What is asked.
        executor: Where rungs are made and priced; here and now when None.
        on_start: Called with how many rungs there are.
        on_done: Called after each with its name.

    Raises:
        UnsupportedError: No device runs the dense model, or any rung.
        RecipeError: The recipe depends on the device, or there is no such structure.
        DataError: The data does not fit the model.
    """
    if matter.base.is_priced:
        raise RecipeError(
            f"--then {matter.base.name}: expected a recipe that is the same for every device, got "
            "one that asks for prices; give a fixed one, such as quantize"
        )
    dense = dict(zip(matter.devices, _cells(matter.job(None, matter.targets)), strict=True))
    if all(cell.refusal for cell in dense.values()):
        raise UnsupportedError(next(iter(dense.values())).refusal)
    jobs = _jobs(matter, dense)
    if on_start is not None:
        on_start(len(jobs))
    done = map(_cells, jobs) if executor is None else executor.map(_cells, jobs)
    cells: Cells = {}
    for job, made in zip(jobs, done, strict=True):
        cells |= {(job.pruning, p.name): c for p, c in zip(job.profiles, made, strict=True)}
        if on_done is not None:
            on_done(job.label)
    made = matrix_of(matter, dense, cells)
    if not any(ladder.rungs for ladder in made.ladders):
        fitting = [lad.refusal for lad in made.ladders if lad.device in made.dense_latency_s]
        raise UnsupportedError(fitting[0])
    return made


def _jobs(matter: Matter, dense: Mapping[str, Cell]) -> tuple[Job, ...]:
    """Return each pruning once, on all devices that need it and run the dense model."""
    needed: defaultdict[Pruning, list[Target]] = defaultdict(list)
    for target, structure in product(matter.targets, matter.structures):
        cell = dense[target.profile.name]
        for pruning in () if cell.refusal else matter.rungs(structure, cell):
            if target not in needed[pruning][-1:]:
                needed[pruning].append(target)
    return tuple(matter.job(pruning, targets) for pruning, targets in needed.items())


def _cells(job: Job) -> tuple[Cell, ...]:
    return job.cells()
