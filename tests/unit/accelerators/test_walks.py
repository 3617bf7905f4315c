"""Laws over all accelerators, and each beside its obvious twin."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.accelerators import (
    ACCELERATORS,
    Accelerator,
    DualSide,
    Eie,
    EyerissV2,
    Mask,
    PeArray,
    Scnn,
    Walk,
)
from hwsim.accelerators.eyeriss_v2 import cycles_from_density
from hwsim.errors import DataError

SMALL = (
    DualSide(),
    DualSide(units=3, block=4, weight_lanes=2, activation_lanes=3, set_up_rows=2),
    Eie(pes=3, queue=2, index_bits=1),
    Eie(),
    EyerissV2(),
    EyerissV2(pes=5, simd=2, rows_per_pe=2),
    PeArray(),
    PeArray(pes=2, lanes=3, chunk=2, scheduling="chunked", skips="weights", gates="both"),
    PeArray(pes=3, lanes=2, scheduling="static", skips="activations", gates="weights"),
    PeArray(pes=2, lanes=4, scheduling="queue", skips="none", gates="activations"),
    Scnn(),
    Scnn(high=2, wide=1, weights_at_once=2, activations_at_once=3, rows_per_group=2),
)
every = pytest.mark.parametrize("accelerator", SMALL, ids=str)


@st.composite
def products(draw: st.DrawFn) -> tuple[Mask, Mask]:
    m, n, k = (draw(st.integers(1, most)) for most in (9, 7, 6))
    random = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    dense = draw(st.sampled_from((0.0, 0.2, 0.6, 1.0)))
    return random.random((m, k)) < 1.3 * dense, random.random((n, k)) < dense


def effectual(weights: Mask, activations: Mask) -> int:
    return int((weights.astype(int) @ activations.astype(int).T).sum())


def test_small_ones_are_of_every_kind() -> None:
    assert {type(accelerator) for accelerator in SMALL} == set(ACCELERATORS)
    assert sorted(kind.name for kind in ACCELERATORS) == [kind.name for kind in ACCELERATORS]


@every
@given(product=products())
def test_every_slot_is_spent_once(accelerator: Accelerator, product: tuple[Mask, Mask]) -> None:
    walk = accelerator.walk(*product)
    assert walk.macs_executed == effectual(*product)
    assert min(walk.filler, walk.gated, walk.idle, walk.cycles) >= 0
    spent = walk.macs_executed + walk.filler + walk.gated + walk.idle
    assert spent == walk.slots == walk.cycles * walk.multipliers


@every
def test_elements_of_channels_that_are_not_there_do_nothing(accelerator: Accelerator) -> None:
    lanes, activations = accelerator.channel_lanes, np.ones((3, 5), np.bool_)
    few = accelerator.walk(np.ones((1, 5), np.bool_), activations)
    full = accelerator.walk(np.ones((lanes, 5), np.bool_), activations)
    assert few.cycles == full.cycles
    assert full.macs_executed == lanes * few.macs_executed
    assert accelerator.multipliers % lanes == 0


@every
@given(product=products(), seed=st.integers(0, 99))
def test_a_zero_more_never_costs_a_cycle(
    accelerator: Accelerator, product: tuple[Mask, Mask], seed: int
) -> None:
    weights, activations = product
    random = np.random.default_rng(seed)
    before = accelerator.walk(weights, activations).cycles
    fewer = weights & (random.random(weights.shape) < 0.7)
    assert accelerator.walk(fewer, activations).cycles <= before
    fewer = activations & (random.random(activations.shape) < 0.7)
    assert accelerator.walk(weights, fewer).cycles <= before


@every
@given(product=products())
def test_a_broadcast_row_is_that_row_many_times(
    accelerator: Accelerator, product: tuple[Mask, Mask]
) -> None:
    weights, activations = product
    rows = np.broadcast_to(activations[0], activations.shape)
    assert accelerator.walk(weights, rows) == accelerator.walk(weights, rows.copy())


@every
def test_operands_are_checked(accelerator: Accelerator) -> None:
    mask = np.ones((2, 3), bool)
    with pytest.raises(DataError, match=f"{accelerator.name}: .*expected a mask of bool"):
        accelerator.walk(mask.astype(np.int8), mask)  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError, match=f"{accelerator.name}: expected"):
        accelerator.walk(mask, np.ones((2, 2), bool))


@given(product=products(), pes=st.integers(1, 9), simd=st.integers(1, 3), rows=st.integers(1, 4))
def test_eyeriss_v2(product: tuple[Mask, Mask], pes: int, simd: int, rows: int) -> None:
    weights, activations = product
    blocks = [weights[first : first + rows] for first in range(0, len(weights), rows)]
    cycles = 0
    while blocks:
        resident, blocks = blocks[:pes], blocks[pes:]
        sharing = pes // len(resident)
        busy = np.zeros((len(resident), sharing), int)
        for b, block in enumerate(resident):
            for p, pixel in enumerate(activations):
                for column in np.flatnonzero(pixel):
                    waiting = list(np.flatnonzero(block[:, column]))
                    while waiting:
                        del waiting[:simd]
                        busy[b, p % sharing] += 1
        cycles += int(busy.max())
    assert EyerissV2(pes=pes, simd=simd, rows_per_pe=rows).walk(weights, activations).cycles == (
        cycles
    )


def test_density_is_the_mean_of_independent_zeros() -> None:
    assert cycles_from_density(1000, 0.5, 0.25) == 125


def eie_cycle_by_cycle(eie: Eie, weights: Mask, activations: Mask) -> tuple[int, int, int]:
    """Return cycles, filler zeros and slots without a weight, stepped with real queues."""
    cycles = fillers = empty = 0
    for vector in activations:
        waiting = deque(int(column) for column in np.flatnonzero(vector))
        queues: list[deque[int]] = [deque() for _ in range(eie.pes)]
        while waiting or any(queues):
            if waiting and all(len(queue) < eie.queue for queue in queues):
                column = waiting.popleft()
                for pe, queue in enumerate(queues):
                    entries = zeros = 0
                    for is_stored in weights[pe :: eie.pes, column]:
                        if not is_stored:
                            zeros += 1
                            continue
                        while zeros >= 2**eie.index_bits:
                            zeros -= 2**eie.index_bits
                            entries += 1
                            fillers += 1
                        entries, zeros = entries + 1, 0
                    queue.append(max(1, entries))
                    empty += pe < len(weights) and not entries
            for queue in queues:
                if queue:
                    queue[0] -= 1
                    if queue[0] == 0:
                        queue.popleft()
            cycles += 1
    return cycles, fillers, empty


@given(product=products(), pes=st.integers(1, 4), queue=st.integers(1, 4), bits=st.integers(1, 2))
def test_eie(product: tuple[Mask, Mask], pes: int, queue: int, bits: int) -> None:
    eie = Eie(pes=pes, queue=queue, index_bits=bits)
    walk = eie.walk(*product)
    assert (walk.cycles, walk.filler, walk.gated) == eie_cycle_by_cycle(eie, *product)


@given(product=products())
def test_queues_hide_what_lockstep_waits_for(product: tuple[Mask, Mask]) -> None:
    weights, activations = product
    cycles = [
        Eie(pes=3, queue=depth, index_bits=9).walk(weights, activations).cycles
        for depth in (1, 2, 8, 64)
    ]
    assert cycles == sorted(cycles, reverse=True)
    per_pe = np.array([weights[pe::3].sum(axis=0) for pe in range(3)])
    assert cycles[0] == int((activations @ np.maximum(per_pe.max(axis=0), 1)).sum())
    assert cycles[-1] >= int((activations.astype(int) @ per_pe.T).max(axis=1).sum())


def test_gaps_beyond_the_index_are_stored_zeros() -> None:
    weights = np.zeros((40, 1), bool)
    weights[[0, 16, 39]] = True
    # Gaps of 15 and 22 zeros: 15 fit four bits, 22 need one stored zero and 6 more.
    expected = Walk(cycles=4, multipliers=1, macs_executed=3, filler=1)
    assert Eie(pes=1).walk(weights, np.ones((1, 1), bool)) == expected


@given(
    product=products(),
    grid=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    vectors=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    group=st.integers(1, 4),
    taps=st.integers(1, 3),
    height=st.integers(1, 4),
)
@settings(max_examples=60)
def test_scnn(
    product: tuple[Mask, Mask],
    grid: tuple[int, int],
    vectors: tuple[int, int],
    group: int,
    taps: int,
    height: int,
) -> None:
    weights, pixels = np.tile(product[0], (1, taps)), product[1]
    image = np.stack([pixels] * height)
    channels = pixels.shape[1]
    tall, broad = -(-image.shape[0] // grid[0]), -(-image.shape[1] // grid[1])
    cycles = busy = 0
    for first in range(0, len(weights), group):
        spent: list[int] = []
        for y in range(grid[0]):
            for x in range(grid[1]):
                tile = image[y * tall : (y + 1) * tall, x * broad : (x + 1) * broad]
                spent.append(0)
                for c in range(channels):
                    kept = weights[first : first + group, c::channels].sum()
                    for _ in range(0, kept, vectors[0]):
                        spent[-1] += len(range(0, tile[..., c].sum(), vectors[1]))
        cycles += max(spent)
        busy += sum(spent)
    walk = Scnn(
        high=grid[0],
        wide=grid[1],
        weights_at_once=vectors[0],
        activations_at_once=vectors[1],
        rows_per_group=group,
    ).walk(weights, image)
    made = sum(
        int(weights[:, c::channels].sum()) * int(image[..., c].sum()) for c in range(channels)
    )
    assert (walk.cycles, walk.macs_executed) == (cycles, made)
    assert walk.filler == busy * vectors[0] * vectors[1] - made


def test_scnn_lays_positions_out_as_a_square_or_nearly_so() -> None:
    weights = np.ones((8, 2), bool)
    # Two channels, two vectors of weights each, and per element: 4 x 4 of 32 x 32 positions, 2 x 5
    # of 16 x 40, 5 of one row of 37, none of none.
    for positions, vectors in ((1024, 4), (640, 3), (37, 2), (0, 0)):
        assert Scnn().walk(weights, np.ones((positions, 2), bool)).cycles == 2 * 2 * vectors


@given(product=products(), units=st.integers(1, 4), block=st.integers(1, 5))
def test_dual_side(product: tuple[Mask, Mask], units: int, block: int) -> None:
    weights, activations = product
    busy = [0] * units
    tile = 0
    for top in range(0, len(weights), block):
        for left in range(0, len(activations), block):
            halves = 0
            for k in range(weights.shape[1]):
                a = weights[top : top + block, k].sum()
                for _ in range(0, activations[left : left + block, k].sum(), 3):
                    halves += a + 2 if a else 0
            busy[tile % units] += -(-halves // 2)
            tile += 1
    core = DualSide(units=units, block=block, weight_lanes=2, activation_lanes=3, set_up_rows=2)
    assert core.walk(weights, activations).cycles == max(busy)


def test_density_of_the_tensor_core_is_the_mean_of_walks() -> None:
    random = np.random.default_rng(1)
    for weight, other in ((1.0, 1.0), (0.3, 0.4), (0.05, 0.9)):
        masks = random.random((512, 512)) < weight, random.random((512, 512)) < other
        walked = DualSide().walk(*masks).cycles
        expected = DualSide().cycles_from_density((512, 512, 512), weight, other)
        # 131,072 steps of blocks: 1 % is beyond five standard errors; half a cycle is rounded up
        # in each of 256 blocks.
        assert walked == pytest.approx(expected, rel=0.01, abs=256)
