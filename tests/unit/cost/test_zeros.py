"""Kernels that gate, look for zeros, skip vectors or share channels among workers."""

from __future__ import annotations

from itertools import count as numbers
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hwsim.arrays import IntArray
from hwsim.cost import count, price
from hwsim.formats import NM, Bitmask, Dense, Format
from hwsim.graph import Graph
from hwsim.lower import lower
from hwsim.ops import MatMul
from hwsim.profile import Cycles, DeviceProfile, Memory, Tile
from hwsim.records import Counts, StepEstimate
from tests.devices import unit_device
from tests.graphs import GraphBuilder
from tests.unit.cost.test_count import layer

NEAR = {"l1": Memory(size_bytes=1024, pj_per_byte=0.0)}
CODES = [[1, 2, 3, 0], [0, 0, 4, 0], [5, 0, 6, 0]]

matrices = hnp.arrays(
    np.int8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(-2, 2)
)


def counted(graph: Graph, tile: Tile | None = None, **rule: Any) -> Counts:
    (counts,) = count(lower(graph, unit_device(tile, rule=rule, caches=NEAR)))
    return counts


def priced(graph: Graph, profile: DeviceProfile) -> StepEstimate:
    program = lower(graph, profile)
    (step,) = price(program, count(program)).steps
    return step


@pytest.mark.parametrize("format_", [Dense(), Bitmask(), NM(2, 4)])
def test_gated_zeros_take_their_slot(format_: Format) -> None:
    codes = [[0, 7, 0, 0, 1, 2, 0, 0], [0, 0, 0, 0, 0, 0, 0, 3]]
    graph = layer(codes, format_, positions=5)
    plain, gated = counted(graph, Tile(m=3, n=2)), counted(graph, Tile(m=3, n=2), zeros="gate")
    assert gated.macs_executed == gated.macs_effective == 4 * 5
    assert gated.macs_executed + gated.macs_gated == plain.macs_executed
    assert gated.macs_issued == plain.macs_issued
    assert gated.traffic_bytes == plain.traffic_bytes


def test_gating_saves_energy_and_no_time() -> None:
    graph = layer(CODES, Dense())
    plain, gated = (
        unit_device(rule={"zeros": zeros}, cycles=Cycles(per_mac=2))
        for zeros in ("multiply", "gate")
    )
    hardware = plain.hardware.model_copy(update={"mac_pj": {"8x8": 3.0}})
    before, after = (
        priced(graph, one.model_copy(update={"hardware": hardware})) for one in (plain, gated)
    )
    assert (before.terms_s, before.energy_j) == ({"mac": 24}, pytest.approx(36e-12))
    assert (after.terms_s, after.energy_j) == ({"mac": 12, "gated": 12}, pytest.approx(18e-12))


def test_a_vector_that_is_not_skipped_gates_its_zeros() -> None:
    graph = layer(CODES, Dense(), positions=5)
    plain, gated = (
        counted(graph, Tile(n=4), skips_vectors=2, zeros=zeros) for zeros in ("multiply", "gate")
    )
    # Five of six vectors have a non-zero lane: of 10 slots a position, 6 hold a weight.
    assert (gated.macs_executed, gated.macs_gated) == (6 * 5, 4 * 5)
    assert gated.macs_padding == 10 * 3
    assert (plain.macs_executed, plain.macs_padding) == (6 * 5, 4 * 5 + 10 * 3)
    assert gated.macs_issued == plain.macs_issued
    assert gated.traffic_bytes == plain.traffic_bytes
    assert gated.nonzeros == plain.nonzeros


def test_slots_that_are_rounded_up_to_take_energy_beside_gated_zeros_alone() -> None:
    profile = unit_device(Tile(n=4), rule={"zeros": "gate"})
    hardware = profile.hardware.model_copy(update={"mac_pj": {"8x8": 3.0}})
    zeros = layer([[0, 0]], Dense(), positions=3)
    step = priced(zeros, profile.model_copy(update={"hardware": hardware}))
    assert (step.counts.macs_executed, step.counts.macs_padding) == (0, 2)
    assert step.energy_j == pytest.approx(6e-12)


def test_looking_for_zeros_is_paid_per_weight_and_tile_of_positions() -> None:
    counts = counted(layer(CODES, Dense(), positions=5), Tile(n=4), zeros="check")
    # Two tiles of four positions; of 12 weights, 6 are not zero.
    assert counts.checks == 12 * 2
    assert counts.macs_executed == counts.macs_effective == 6 * 5
    assert counts.macs_padding == 6 * 3
    profile = unit_device(rule={"zeros": "check"}, cycles=Cycles(per_mac=1, per_check=0.5))
    assert priced(layer(CODES, Dense()), profile).terms_s == {"mac": 6, "check": 6}


def test_operands_that_are_looked_at_are_read_once() -> None:
    for width, weights in ((None, 12), (3, 18)):
        rule = {"zeros": "check", "skips_vectors": width}
        profile = unit_device(rule=rule, caches=NEAR)
        (counts,) = count(lower(layer(CODES, Dense()), profile))
        # A vector of three is rounded up; each weight issued looks up one of the activations.
        issued = counts.macs_executed + counts.macs_padding
        assert counts.traffic_bytes["l1"] == weights + issued + 3


def test_stored_weights_alone_are_looked_at() -> None:
    codes = [[0, 7, 0, 0, 1, 2, 0, 0], [0, 0, 0, 0, 0, 0, 0, 3]]
    counts = counted(layer(codes, NM(2, 4)), zeros="check")
    assert (counts.checks, counts.macs_executed) == (8, 4)


def test_a_product_of_activations_has_no_known_zeros() -> None:
    builder = GraphBuilder("product", 1, 4, 6)
    builder.add("y", MatMul(transpose_b=True), "x", "x")
    counts = counted(builder.done("y"), zeros="check", skips_vectors=4)
    assert counts.macs_executed == counts.macs == 4 * 4 * 6
    assert counts.checks == 4 * 6 // 4 * 4


@given(codes=matrices, width=st.integers(1, 5), tile=st.builds(Tile, m=st.integers(1, 4)))
@pytest.mark.parametrize("format_", [Dense(), Bitmask()])
def test_vectors_of_zeros_are_skipped(
    format_: Format, codes: IntArray, width: int, tile: Tile
) -> None:
    counts = counted(layer(codes, format_, 3), tile, skips_vectors=width, zeros="check")
    slots = 0
    for start in range(0, len(codes), tile.m):
        busy = [
            sum(width for at in range(0, len(row), width) if row[at : at + width].any())
            for row in codes[start : start + tile.m]
        ]
        slots += max(busy) * tile.m
    assert counts.macs_issued == slots * 3
    assert counts.macs_executed == counts.macs_effective
    vectors = sum(1 for row in codes for _ in range(0, len(row), width))
    assert counts.checks == vectors * 3
    assert min(counts.macs_padding, counts.macs_idle) >= 0


def taken(work: list[int], workers: int, scheduling: str, chunk: int) -> int:
    """Return when the last worker is done, one chunk after the other."""
    free_at = [0] * workers
    turns = numbers()
    for start in range(0, len(work), chunk):
        turn = next(turns) % workers
        worker = free_at.index(min(free_at)) if scheduling == "queue" else turn
        free_at[worker] += sum(work[start : start + chunk])
    return max(free_at)


@given(
    codes=matrices,
    tile=st.builds(Tile, m=st.integers(1, 3), k=st.integers(1, 2)),
    workers=st.integers(2, 4),
    how=st.sampled_from([("static", 1), ("chunked", 2), ("queue", 1), ("queue", 2)]),
)
@pytest.mark.parametrize("format_", [Dense(), Bitmask()])
def test_workers_wait_for_each_other_at_the_end_only(
    format_: Format, codes: IntArray, tile: Tile, workers: int, how: tuple[str, int]
) -> None:
    scheduling, chunk = how
    rule = {"workers": workers, "scheduling": scheduling, "chunk": chunk}
    counts = counted(layer(codes, format_, 2), tile, **rule)
    steps = [len(row) if format_ == Dense() else int((row != 0).sum()) for row in codes]
    steps = [-(-step // tile.k) * tile.k for step in steps]
    groups = [max(steps[at : at + tile.m]) for at in range(0, len(steps), tile.m)]
    cycles = taken(groups, workers, scheduling, chunk)
    assert counts.macs_issued == cycles * workers * tile.m * 2
    alone = counted(layer(codes, format_, 2), tile)
    assert counts.macs_executed == alone.macs_executed
    assert counts.macs_idle >= 0


def test_one_worker_is_the_lockstep_that_there_was() -> None:
    graph = layer(CODES, Bitmask(), 5)
    assert counted(graph, Tile(m=2, k=2), workers=1) == counted(graph, Tile(m=2, k=2))
