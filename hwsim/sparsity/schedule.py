"""How long processing elements take for rows of unequal work, and how long they wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from hwsim.errors import DataError
from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import IntArray

Scheduling: TypeAlias = Literal["static", "chunked", "queue"]
"""`static`: row i belongs to element i mod `pes`; `chunked`: neighbouring rows in chunks, dealt
out in turn; `queue`: whoever is free first takes the next chunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Makespan:
    """The time of all elements together; whole cycles.

    Attributes:
        cycles: Until the last element is done.
        busy: In which an element works, over all of them.
        idle: In which one waits for others.
    """

    cycles: int
    busy: int
    idle: int

    @property
    def utilisation(self) -> float:
        """Share of the elements' time in which they work, 0..1; 1 where there is none."""
        spent = self.busy + self.idle
        return self.busy / spent if spent else 1.0


def schedule(
    work: IntArray,
    pes: int,
    scheduling: Scheduling = "static",
    chunk: int = 1,
    barrier_rows: int | None = None,
) -> Makespan:
    """Return how long `pes` elements take for rows of work, exactly.

    Args:
        work: [rows] whole cycles from 0; or [phases, rows], with a barrier behind each phase.
        pes: Elements, 1 or more.
        scheduling: Who takes which row. Rows dealt out by `static` scheduling are single ones.
        chunk: Rows that an element takes at a time.
        barrier_rows: Rows between two barriers, where all elements wait for the last one; dealing
            starts anew with the first element. One barrier behind the last row where absent.
            With as many as there are elements, they run in lockstep.

    Raises:
        DataError: No such scheduling, an extent below 1, or work that is none.
    """
    check_extents(scheduling, pes, chunk, barrier_rows)
    if work.ndim not in (1, 2) or work.dtype.kind not in "iu":
        raise DataError(
            f"work: expected whole numbers [rows] or [phases, rows], got {work.dtype} "
            f"{list(work.shape)}"
        )
    phases = np.ascontiguousarray(np.atleast_2d(work), np.int64)
    if phases.min(initial=0) < 0:
        raise DataError(f"work: expected cycles from 0, got {phases.min()}")
    barrier = barrier_rows or max(1, phases.shape[1])
    walk = _queue if scheduling == "queue" else _dealt
    # No more elements than chunks between two barriers ever work.
    seats = min(pes, -(-barrier // chunk))
    cycles, busy = int(walk(phases, seats, chunk, barrier)), int(phases.sum())
    return Makespan(cycles=cycles, busy=busy, idle=cycles * pes - busy)


def check_extents(scheduling: str, pes: int, chunk: int, barrier_rows: int | None) -> None:
    """Raise unless these describe a schedule.

    Raises:
        DataError: They do not.
    """
    if scheduling not in get_args(Scheduling):
        known = ", ".join(get_args(Scheduling))
        raise DataError(f"scheduling: expected one of {known}, got {scheduling!r}")
    for name, extent in (("pes", pes), ("chunk", chunk), ("barrier_rows", barrier_rows)):
        if extent is not None and extent < 1:
            raise DataError(f"{name}: expected 1 or more, got {extent}")
    if scheduling == "static" and chunk != 1:
        raise DataError(
            f"chunk: expected 1, as static scheduling deals out single rows, got {chunk}; "
            "or scheduling chunked"
        )


@kernel
def _dealt(work: IntArray, pes: int, chunk: int, barrier: int) -> int:
    """Return the cycles of rows that are dealt out in turn.

    Args:
        work: [phases, rows] int64.
        pes: Elements.
        chunk: Rows dealt out at a time.
        barrier: Rows between two barriers.
    """
    cycles = np.int64(0)
    spent = np.zeros(pes, np.int64)
    for phase in range(work.shape[0]):
        for first in range(0, work.shape[1], barrier):
            spent[:] = 0
            pe, left = 0, chunk
            for row in range(first, min(work.shape[1], first + barrier)):
                if left == 0:
                    pe, left = pe + 1, chunk
                    if pe == pes:
                        pe = 0
                spent[pe] += work[phase, row]
                left -= 1
            cycles += spent.max()
    return int(cycles)


@kernel
def _queue(work: IntArray, pes: int, chunk: int, barrier: int) -> int:
    """Return the cycles where the element that is free first takes the next chunk.

    When each is free lies in a heap, the earliest first.

    Args:
        work: [phases, rows] int64.
        pes: Elements.
        chunk: Rows taken at a time.
        barrier: Rows between two barriers.
    """
    cycles = np.int64(0)
    free_at = np.zeros(pes, np.int64)
    for phase in range(work.shape[0]):
        for first in range(0, work.shape[1], barrier):
            free_at[:] = 0
            last = min(work.shape[1], first + barrier)
            for start in range(first, last, chunk):
                until = free_at[0]
                for row in range(start, min(last, start + chunk)):
                    until += work[phase, row]
                place, child = 0, 1
                while child < pes:
                    if child + 1 < pes and free_at[child + 1] < free_at[child]:
                        child += 1
                    if free_at[child] >= until:
                        break
                    free_at[place] = free_at[child]
                    place, child = child, 2 * child + 1
                free_at[place] = until
            cycles += free_at.max()
    return int(cycles)
