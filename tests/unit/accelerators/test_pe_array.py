"""The generic array, beside one that is stepped vector by vector."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.accelerators import Mask, PeArray, Walk
from hwsim.accelerators.pe_array import Sides
from hwsim.errors import UnsupportedError
from hwsim.sparsity import Scheduling

SIDES = get_args(Sides)
sides = st.sampled_from(SIDES)


def seen(weight: bool, activation: bool, whose: Sides) -> bool:
    """Return whether an operand of this pair is seen to be zero."""
    return (not weight and whose in ("weights", "both")) or (
        not activation and whose in ("activations", "both")
    )


def stepped(array: PeArray, weights: Mask, activations: Mask) -> Walk:
    """Return what the array does, vector by vector."""
    chunks = [
        range(at, min(len(weights), at + array.chunk)) for at in range(0, len(weights), array.chunk)
    ]
    sharing = max(1, array.pes // len(chunks))
    executed = filler = gated = 0
    jobs: list[int] = []
    for share, chunk in product(range(sharing), chunks):
        jobs.append(0)
        for position, row in product(range(share, len(activations), sharing), chunk):
            pairs = list(zip(weights[row].tolist(), activations[position].tolist(), strict=True))
            for first in range(0, len(pairs), array.lanes):
                vector = pairs[first : first + array.lanes]
                if all(seen(*pair, array.skips) for pair in vector):
                    continue
                jobs[-1] += 1
                held = [seen(*pair, array.gates) for pair in vector]
                done = [all(pair) for pair in vector]
                executed, gated = executed + sum(done), gated + sum(held)
                filler += array.lanes - sum(done) - sum(held)
    free_at = [0] * array.pes
    for at, job in enumerate(jobs):
        taker = at % array.pes
        if array.scheduling == "queue":
            taker = free_at.index(min(free_at))
        free_at[taker] += job
    return Walk(
        cycles=max(free_at),
        multipliers=array.pes * array.lanes,
        macs_executed=executed,
        filler=filler,
        gated=gated,
    )


def masks(extents: tuple[int, int, int], density: float, seed: int) -> tuple[Mask, Mask]:
    m, n, k = extents
    random = np.random.default_rng(seed)
    return random.random((m, k)) < density, random.random((n, k)) < density


@given(
    extents=st.tuples(st.integers(1, 7), st.integers(0, 7), st.integers(1, 80)),
    density=st.sampled_from((0.0, 0.1, 0.5, 1.0)),
    seed=st.integers(0, 1 << 30),
    pes=st.integers(1, 12),
    lanes=st.integers(1, 9) | st.sampled_from((16, 31, 33, 63, 64)),
    chunk=st.integers(1, 3),
    scheduling=st.sampled_from(get_args(Scheduling)),
    skips=sides,
    gates=sides,
)
def test_as_stepped(
    extents: tuple[int, int, int],
    density: float,
    seed: int,
    pes: int,
    lanes: int,
    chunk: int,
    scheduling: Scheduling,
    skips: Sides,
    gates: Sides,
) -> None:
    array = PeArray(
        pes=pes,
        lanes=lanes,
        chunk=1 if scheduling == "static" else chunk,
        scheduling=scheduling,
        skips=skips,
        gates=gates,
    )
    weights, activations = masks(extents, density, seed)
    assert array.walk(weights, activations) == stepped(array, weights, activations)
    rows = np.broadcast_to(weights[0], (5, extents[2]))
    assert array.walk(weights, rows) == stepped(array, weights, rows)


def test_all_small_weights_and_one_activation() -> None:
    arrays = [
        PeArray(pes=2, lanes=2, skips=skips, gates=gates) for skips in SIDES for gates in SIDES
    ]
    activations = np.array([[True, False, True]])
    for number in range(1 << 9):
        weights = ((number >> np.arange(9)) & 1).reshape(3, 3).astype(bool)
        for array in arrays:
            assert array.walk(weights, activations) == stepped(array, weights, activations)


def test_positions_in_many_blocks() -> None:
    # 4096 words of activations at a time: here 3 x 1500.
    weights, activations = masks((3, 1500, 130), 0.4, 0)
    array = PeArray(pes=2, gates="both", lanes=4)
    parts = [array.walk(weights, part) for part in np.array_split(activations, 10)]
    walk = array.walk(weights, activations)
    for name in ("macs_executed", "filler", "gated"):
        assert getattr(walk, name) == sum(getattr(part, name) for part in parts)


@given(seed=st.integers(0, 1 << 30), lanes=st.sampled_from((1, 2, 4, 8)))
def test_whoever_sees_more_takes_no_longer(seed: int, lanes: int) -> None:
    weights, activations = masks((9, 4, 40), 0.3, seed)
    array = PeArray(pes=4, lanes=lanes)
    cycles = {
        skips: replace(array, skips=skips).walk(weights, activations).cycles for skips in SIDES
    }
    assert cycles["both"] <= min(cycles["weights"], cycles["activations"])
    assert max(cycles.values()) == cycles["none"] == 3 * 4 * -(-40 // lanes)
    walks = [
        replace(array, skips="none", gates=gates).walk(weights, activations) for gates in SIDES
    ]
    # Gates change what a slot is spent on, and nothing else.
    assert len({(walk.cycles, walk.macs_executed, walk.idle) for walk in walks}) == 1
    assert len({walk.filler + walk.gated for walk in walks}) == 1
    assert walks[0].gated == 0


def test_single_lanes_have_nothing_to_gate_where_all_zeros_are_skipped() -> None:
    walk = PeArray(gates="both").walk(*masks((70, 9, 50), 0.3, 1))
    assert (walk.gated, walk.filler) == (0, 0)


def test_positions_are_shared_by_elements_without_a_channel() -> None:
    weights, activations = np.ones((2, 5), bool), np.ones((7, 5), bool)
    # Two channels of 7 positions over 2, 5 and 8 elements: 1, 2 and 4 each.
    cycles = [PeArray(pes=pes).walk(weights, activations).cycles for pes in (2, 5, 8)]
    assert cycles == [35, 20, 10]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("lanes", 65, "pe_array: lanes: expected 1 to 64, got 65"),
        ("lanes", 0, "pe_array: lanes: expected 1 to 64, got 0"),
        ("pes", 0, "pe_array: pes: expected 1 or more, got 0"),
        ("scheduling", "fair", "pe_array: scheduling: expected one of static, chunked, queue"),
    ],
)
def test_other_geometries_are_refused(field: str, value: object, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        replace(PeArray(), **{field: value})  # pyright: ignore[reportArgumentType]
    with pytest.raises(UnsupportedError, match="pe_array: chunk: expected 1, as static"):
        PeArray(scheduling="static", chunk=2)
