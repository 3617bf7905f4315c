"""Elements that take rows, beside one that is stepped cycle by cycle."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import DataError
from hwsim.sparsity import Makespan, Scheduling, issued_vectors, schedule

works = st.lists(st.integers(0, 9), max_size=24)
ways = st.sampled_from(("static", "chunked", "queue"))
extents = st.tuples(st.integers(1, 6), st.integers(1, 4), st.none() | st.integers(1, 9))


def stepped(
    work: list[int], pes: int, scheduling: str, chunk: int, barrier_rows: int | None
) -> int:
    """Return the cycles of elements with real queues, cycle by cycle."""
    cycles = 0
    barrier = barrier_rows or max(1, len(work))
    for first in range(0, len(work), barrier):
        rows = work[first : first + barrier]
        chunks = deque(rows[at : at + chunk] for at in range(0, len(rows), chunk))
        shared = scheduling == "queue"
        own: list[deque[list[int]]] = [chunks if shared else deque() for _ in range(pes)]
        for at, one in enumerate(chunks if not shared else ()):
            own[at % pes].append(one)
        left = [0] * pes
        while any(own) or any(left):
            for pe in range(pes):
                while not left[pe] and own[pe]:
                    left[pe] = sum(own[pe].popleft())
            cycles += any(left)
            left = [max(0, cycles_left - 1) for cycles_left in left]
    return cycles


def check(work: list[int], scheduling: Scheduling, extents: tuple[int, int, int | None]) -> None:
    pes, chunk, barrier = extents
    chunk = 1 if scheduling == "static" else chunk
    got = schedule(np.array(work, np.int64), pes, scheduling, chunk, barrier)
    cycles = stepped(work, pes, scheduling, chunk, barrier)
    assert got == Makespan(cycles=cycles, busy=sum(work), idle=cycles * pes - sum(work))
    assert 0.0 <= got.utilisation <= 1.0


@given(work=works, scheduling=ways, extents=extents)
def test_as_stepped(
    work: list[int], scheduling: Scheduling, extents: tuple[int, int, int | None]
) -> None:
    check(work, scheduling, extents)


def test_all_small_masks() -> None:
    for number in range(1 << 12):
        mask = ((number >> np.arange(12)) & 1).reshape(3, 4)
        work: list[int] = issued_vectors(mask, 2).tolist()
        for scheduling in ("static", "chunked", "queue"):
            for barrier in (None, 2):
                check(work, scheduling, (2, 2, barrier))


@given(work=works, scheduling=ways, extents=extents, at=st.integers(0, 23))
def test_less_work_never_takes_longer(
    work: list[int], scheduling: Scheduling, extents: tuple[int, int, int | None], at: int
) -> None:
    pes, chunk, barrier = extents
    chunk = 1 if scheduling == "static" else chunk
    before = schedule(np.array(work, np.int64), pes, scheduling, chunk, barrier)
    less = [max(0, cycles - (row == at)) for row, cycles in enumerate(work)]
    after = schedule(np.array(less, np.int64), pes, scheduling, chunk, barrier)
    assert after.cycles <= before.cycles


@given(work=works, pes=st.integers(1, 6))
def test_bounds(work: list[int], pes: int) -> None:
    rows = np.array(work, np.int64)
    queue, static = schedule(rows, pes, "queue"), schedule(rows, pes)
    least = max(-(-sum(work) // pes), max(work, default=0))
    # Graham, "Bounds on multiprocessing timing anomalies", 1969: a list is within 2 - 1 / pes.
    assert least <= queue.cycles <= (2 - 1 / pes) * least
    assert static.cycles >= least
    lockstep = schedule(rows, pes, barrier_rows=pes)
    assert lockstep.cycles == sum(max(work[at : at + pes]) for at in range(0, len(work), pes))
    assert lockstep.cycles >= static.cycles


@given(work=works, extents=extents, scheduling=ways)
def test_phases_wait_for_each_other(
    work: list[int], extents: tuple[int, int, int | None], scheduling: Scheduling
) -> None:
    pes, chunk, barrier = extents
    chunk = 1 if scheduling == "static" else chunk
    phases = np.array([work, work[::-1]], np.int64)
    each = [schedule(phase, pes, scheduling, chunk, barrier).cycles for phase in phases]
    assert schedule(phases, pes, scheduling, chunk, barrier).cycles == sum(each)


def test_who_takes_what() -> None:
    work = np.array([4, 1, 1, 1, 1, 4])
    assert schedule(work, 2).cycles == 6
    assert schedule(work, 2, "chunked", 3).cycles == 6
    assert schedule(work, 2, "chunked", 2).cycles == 10
    assert schedule(work, 2, "queue").cycles == 8
    assert schedule(work, 2, barrier_rows=2).cycles == 9
    assert schedule(work, 9).cycles == 4
    assert schedule(work, 9).idle == 24


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2, "dynamic"), "scheduling: expected one of static, chunked, queue, got 'dynamic'"),
        ((0,), "pes: expected 1 or more, got 0"),
        ((2, "queue", 0), "chunk: expected 1 or more, got 0"),
        ((2, "queue", 1, 0), "barrier_rows: expected 1 or more, got 0"),
        ((2, "static", 2), "chunk: expected 1, as static scheduling .* got 2; or .* chunked"),
    ],
)
def test_other_schedules_are_refused(arguments: tuple[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        schedule(np.ones(3, np.int64), *arguments)


@pytest.mark.parametrize("work", [np.ones(3), np.ones((1, 2, 3), np.int64), np.array([1, -1])])
def test_other_work_is_refused(work: np.ndarray) -> None:
    with pytest.raises(DataError, match="work: expected"):
        schedule(work, 2)
