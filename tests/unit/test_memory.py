"""The memory planner against brute force, and against what it must never do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hwsim.memory import ALIGNMENT_BYTES, Buffer, peak_bytes, plan


@st.composite
def lifetimes(draw: st.DrawFn) -> list[Buffer]:
    count = draw(st.integers(0, 12))
    buffers: list[Buffer] = []
    for index in range(count):
        first = draw(st.integers(-1, 8))
        last = draw(st.integers(first, 9))
        size = draw(st.integers(1, 200))
        buffers.append(Buffer(name=f"t{index}", size_bytes=size, first=first, last=last))
    return buffers


@given(buffers=lifetimes())
def test_buffers_alive_together_never_overlap(buffers: list[Buffer]) -> None:
    placed = plan(buffers)
    assert {p.buffer.name for p in placed} == {b.name for b in buffers}
    for a in placed:
        assert a.offset_bytes % ALIGNMENT_BYTES == 0
        for b in placed:
            if a is not b and a.buffer.meets(b.buffer):
                assert a.end_bytes <= b.offset_bytes or b.end_bytes <= a.offset_bytes


@given(buffers=lifetimes())
def test_the_peak_lies_between_the_busiest_step_and_the_sum(buffers: list[Buffer]) -> None:
    def rounded(size: int) -> int:
        return -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES

    peak = peak_bytes(plan(buffers))
    steps = range(-1, 10)
    busiest = max(
        (sum(b.size_bytes for b in buffers if b.first <= step <= b.last) for step in steps),
        default=0,
    )
    assert busiest <= peak <= sum(rounded(b.size_bytes) for b in buffers)


def test_a_chain_needs_its_two_largest_neighbours() -> None:
    # 64 -> 32 -> 16: the first two meet in step 0, the last two in step 1.
    chain = [
        Buffer(name="a", size_bytes=64, first=-1, last=0),
        Buffer(name="b", size_bytes=32, first=0, last=1),
        Buffer(name="c", size_bytes=16, first=1, last=2),
    ]
    offsets = {p.buffer.name: p.offset_bytes for p in plan(chain)}
    assert offsets == {"a": 0, "b": 64, "c": 0}
    assert peak_bytes(plan(chain)) == 96


def test_the_smallest_gap_that_fits_is_taken() -> None:
    # a, c and e hold the arena apart; d fits both gaps and takes the smaller one, at 160.
    buffers = [
        Buffer(name="a", size_bytes=96, first=0, last=9),
        Buffer(name="gap64", size_bytes=64, first=0, last=1),
        Buffer(name="c", size_bytes=48, first=0, last=9),
        Buffer(name="gap32", size_bytes=32, first=0, last=1),
        Buffer(name="e", size_bytes=17, first=0, last=9),
        Buffer(name="d", size_bytes=16, first=5, last=5),
    ]
    offsets = {p.buffer.name: p.offset_bytes for p in plan(buffers)}
    assert (offsets["gap64"], offsets["c"], offsets["gap32"], offsets["e"]) == (96, 160, 208, 240)
    assert offsets["d"] == 208
