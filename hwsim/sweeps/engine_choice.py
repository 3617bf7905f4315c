"""Choose an engine: processes where they save more time than they take to begin."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from hwsim.sweeps.engines import on_processes
from hwsim.sweeps.run import here

if TYPE_CHECKING:
    from hwsim.sweeps.plan import Plan
    from hwsim.sweeps.run import Engine

LEAST_COMPRESSIONS: Final = 4
"""Compressions from which on processes are used unasked: each takes seconds where it trains."""

LEAST_PAIRS: Final = 256
"""Compressed models on devices from which on processes are used unasked: each is counted in some
hundredths of a second, and a process takes some seconds to begin."""


def engine_for(plan: Plan, jobs: int | None) -> Engine:
    """Return what runs a plan on this machine.

    Args:
        plan: What is to be done.
        jobs: Processes; 1 for none but this one, None for as many as there are cores where there is
            enough to do.
    """
    if jobs is None:
        jobs = (os.cpu_count() or 1) if _is_large(plan) else 1
    return here if jobs == 1 else on_processes(jobs)


def _is_large(plan: Plan) -> bool:
    pairs = {(p.model, id(p.made), p.batch, p.device) for p in plan.places}
    made = {(p.model, id(p.made)) for p in plan.places if str(p.made.recipe) != "none"}
    return len(made) >= LEAST_COMPRESSIONS or len(pairs) >= LEAST_PAIRS
