"""Table: a bill as matrices, so that many points are priced by few products of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from hwsim.records.pricing import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.arrays import FloatArray
    from hwsim.records import Bill, Charge, StepBill

Part: TypeAlias = tuple[str, int]
"""Where a charge goes: the time of its step outside (`beside`), a stage, or a memory."""

Shared: TypeAlias = Literal["compute", "memory", "alone", "forked"]
"""How cores share a count; what is forked is due on more than one core alone."""

OUTSIDE, COMPUTE, STAGE, MOVED = "outside", "compute", "stage", "moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A number of the profile in one of its uses: what a count is multiplied by.

    Attributes:
        key: Dotted.
        sharing: How cores share it.
        is_scaled: Whether the runtime's version scales it.
    """

    key: str
    sharing: Shared
    is_scaled: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """A bill as matrices.

    Steps whose time is a plain sum are one vector together; the others, in which stages or
    transfers run side by side, have a row each.

    Attributes:
        units: What counts are multiplied by.
        plain: float64 [units], counts of all that simply adds up.
        compute: float64 [steps, units], compute of the other steps beside their stages.
        stages: float64 [stages, steps, units], what works side by side in a pipelined kernel.
        moved: float64 [memories, steps, units], what transfers ask beside compute.
        launches: Steps that do something.
        energy: Counts in picojoules, by key.
    """

    units: tuple[Unit, ...]
    plain: FloatArray
    compute: FloatArray
    stages: FloatArray
    moved: FloatArray
    launches: int
    energy: tuple[tuple[str, float], ...]


def table_of(bill: Bill) -> Table:
    """Return the matrices of a bill."""
    units: dict[Unit, int] = {}
    entries: list[tuple[int, str, int, int, int]] = []
    memories: dict[str, int] = {}
    special = -1
    for step in bill.steps:
        is_special = step.is_pipelined or (step.overlaps and any(t.price for t in step.transfers))
        special += is_special
        for unit, count, part, place in _entries(step, memories):
            at = units.setdefault(unit, len(units))
            is_plain = not is_special or part == OUTSIDE
            entries.append((at, OUTSIDE if is_plain else part, place, special, count))
    wide, steps = len(units), special + 1
    matrices = {
        OUTSIDE: np.zeros((1, 1, wide)),
        COMPUTE: np.zeros((1, steps, wide)),
        STAGE: np.zeros((len(STAGES), steps, wide)),
        MOVED: np.zeros((len(memories), steps, wide)),
    }
    for at, part, place, row, count in entries:
        matrices[part][(0, 0, at) if part == OUTSIDE else (place, row, at)] += count
    return Table(
        units=tuple(units),
        plain=matrices[OUTSIDE][0, 0],
        compute=matrices[COMPUTE][0],
        stages=matrices[STAGE],
        moved=matrices[MOVED],
        launches=sum(step.is_launched for step in bill.steps),
        energy=_energy(bill),
    )


def _entries(step: StepBill, memories: dict[str, int]) -> Iterator[tuple[Unit, int, str, int]]:
    """Yield what a step is charged for: unit, count, part of its time, and which stage or memory.

    What lies outside adds to the step's time whatever else happens.
    """
    for charge in step.charges:
        part, place = _part(step, charge.term)
        yield _unit(charge), charge.count, part, place
    for key, lines in step.gathers.items():
        yield Unit(key=key, sharing="memory", is_scaled=False), lines, COMPUTE, 0
    for moved in step.transfers:
        if moved.price is not None:
            unit = Unit(key=moved.price, sharing="alone", is_scaled=False)
            place = memories.setdefault(moved.memory, len(memories)) if step.overlaps else 0
            yield unit, moved.moved_bytes, MOVED if step.overlaps else OUTSIDE, place


def _part(step: StepBill, term: str) -> tuple[str, int]:
    if term in ("layout", "fork") or (term == "call" and not step.is_pipelined):
        return OUTSIDE, 0
    if step.is_pipelined:
        for place, stage in enumerate(STAGES):
            if term in stage:
                return STAGE, place
    return COMPUTE, 0


def _unit(charge: Charge) -> Unit:
    sharing: Shared = "forked" if charge.term == "fork" else charge.sharing
    return Unit(key=charge.price, sharing=sharing, is_scaled=True)


def _energy(bill: Bill) -> tuple[tuple[str, float], ...]:
    totals: dict[str, float] = {}
    for step in bill.steps:
        if step.mac_energy is not None:
            totals[step.mac_energy] = totals.get(step.mac_energy, 0) + step.macs_multiplied
        for moved in step.transfers:
            totals[moved.energy] = totals.get(moved.energy, 0) + moved.moved_bytes
    return tuple((key, float(count)) for key, count in totals.items())
