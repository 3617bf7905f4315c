"""The arena against the planner of TensorFlow Lite Micro, and against what no plan undercuts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.arena import buffers_of
from hwsim.evidence.measurement import FOLDER
from hwsim.evidence.networks import network
from hwsim.interchange import load
from hwsim.lower import lower
from hwsim.memory import Buffer, busiest_bytes, peak_bytes, plan
from hwsim.profile import device

SHARED: Final = Path(__file__).parents[3] / "shared" / "models"
# Prices and figures: no kernel runs, so that once is enough.
pytestmark = pytest.mark.slow

MODELS = sorted(path.name for path in SHARED.glob("*.tflite"))
TABLES = sorted(path.stem for path in (FOLDER / "networks").glob("*.csv") if path.stem != "index")
MCU_TABLES = [name for name in TABLES if name.startswith(("edgemark", "mlperf", "stm32"))]
# One that works in place, and one that does not.
PROFILES = ("stm32l4r5_tflm", "stm32h7a3_xcubeai")


def tflm_bytes(buffers: list[Buffer]) -> int:
    """Return the arena of TFLM's GreedyMemoryPlanner: the obvious twin, unlike ours on purpose.

    Sizes are rounded up to 16 bytes; the largest first, each at the lowest offset where it fits
    between those already placed that live at the same time.
    """
    placed: list[tuple[int, int, Buffer]] = []
    rounded = [(-(-buffer.size_bytes // 16) * 16, buffer) for buffer in buffers]
    for size, buffer in sorted(rounded, key=lambda pair: -pair[0]):
        rivals = sorted(
            (start, end)
            for start, end, other in placed
            if not (other.last < buffer.first or buffer.last < other.first)
        )
        offset = 0
        for start, end in rivals:
            if start - offset >= size:
                break
            offset = max(offset, end)
        placed.append((offset, offset + size, buffer))
    return max((end for _, end, _ in placed), default=0)


def live_bytes(buffers: list[Buffer]) -> int:
    """Return the fullest moment, by asking every one."""
    moments = {m for buffer in buffers for m in (buffer.first, buffer.last)}
    return max(
        (sum(b.size_bytes for b in buffers if b.first <= m <= b.last) for m in moments), default=0
    )


def check(buffers: list[Buffer]) -> None:
    ours = peak_bytes(plan(buffers))
    assert live_bytes(buffers) <= ours <= tflm_bytes(buffers)


@st.composite
def lifetimes(draw: st.DrawFn) -> list[Buffer]:
    buffers: list[Buffer] = []
    for index in range(draw(st.integers(0, 10))):
        first = draw(st.integers(-1, 8))
        last = draw(st.integers(first, 9))
        size = draw(st.integers(1, 200))
        buffers.append(Buffer(name=f"t{index}", size_bytes=size, first=first, last=last))
    return sorted(buffers, key=lambda b: (b.first, b.name))


@given(buffers=lifetimes())
def test_ours_is_never_larger_than_tflms(buffers: list[Buffer]) -> None:
    check(buffers)


@given(buffers=lifetimes())
def test_the_fullest_moment_is_found(buffers: list[Buffer]) -> None:
    assert busiest_bytes(buffers) == live_bytes(buffers)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", MCU_TABLES)
def test_measured_networks(name: str, profile: str) -> None:
    known = device(profile)
    program = lower(network(name), known)
    check(buffers_of(program.graph, program.steps, known.runtime))


@pytest.mark.skipif(not MODELS, reason="no models beside the project in ../shared/models")
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", MODELS or ["none"])
def test_reference_models(name: str, profile: str) -> None:
    known = device(profile)
    program = lower(load(str(SHARED / name)), known)
    check(buffers_of(program.graph, program.steps, known.runtime))


@pytest.mark.parametrize("name", MCU_TABLES)
def test_working_in_place_never_needs_more(name: str) -> None:
    known = device("stm32h7a3_xcubeai")
    program = lower(network(name), known)
    apart = known.runtime.model_copy(update={"in_place": ()})
    ours = peak_bytes(plan(buffers_of(program.graph, program.steps, known.runtime)))
    assert ours <= peak_bytes(plan(buffers_of(program.graph, program.steps, apart)))


def test_the_fullest_moment_first_where_size_misses_it() -> None:
    # By size, a lies at 0, c at 80 and b below c, so that d no longer fits there: 208. With moment
    # 3 first, where b, c and d are alive, they lie side by side and a fits beside c: 176.
    buffers = [
        Buffer(name="a", size_bytes=80, first=0, last=1),
        Buffer(name="b", size_bytes=48, first=3, last=3),
        Buffer(name="c", size_bytes=80, first=1, last=3),
        Buffer(name="d", size_bytes=48, first=3, last=5),
    ]
    assert tflm_bytes(buffers) == 208
    assert peak_bytes(plan(buffers)) == live_bytes(buffers) == 176


def test_the_order_given_where_the_others_lose() -> None:
    # c is placed first. In the order given, a and b lie where c was and f behind it: 96. The other
    # orders place f before b, which then has to lie behind it: 112.
    buffers = [
        Buffer(name="a", size_bytes=32, first=0, last=2),
        Buffer(name="b", size_bytes=32, first=1, last=1),
        Buffer(name="c", size_bytes=48, first=3, last=3),
        Buffer(name="f", size_bytes=32, first=0, last=3),
    ]
    assert tflm_bytes(buffers) == peak_bytes(plan(buffers)) == live_bytes(buffers) == 96
