"""Expectations, beside all masks there are, each with its probability."""

from __future__ import annotations

from functools import cache
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.arrays import Array, FloatArray, IntArray
from hwsim.errors import DataError
from hwsim.sparsity import (
    Axis,
    LaneCounts,
    Scheduling,
    expected_lanes,
    expected_makespan,
    expected_schedule,
    expected_stored,
    issued_vectors,
    lanes,
    schedule,
)
from hwsim.sparsity._distribution import binomial, expected_largest

ROWS, K = 3, 4
WIDTHS = (1, 2, 3, 4, 5)
DENSITIES = (0.0, 0.1, 0.5, 0.93, 1.0)
densities = pytest.mark.parametrize("density", DENSITIES)
# Sums of 4096 products of doubles.
CLOSE = 1e-12


@cache
def masks() -> list[Array]:
    return [
        ((number >> np.arange(12)) & 1).reshape(ROWS, K).astype(bool) for number in range(1 << 12)
    ]


@cache
def counted(axis: Axis) -> list[tuple[LaneCounts, ...]]:
    return [lanes(mask, WIDTHS, axis) for mask in masks()]


@cache
def work(width: int) -> IntArray:
    """Return [masks, rows] vectors issued."""
    return np.array([issued_vectors(mask, width) for mask in masks()])


def chances(density: float) -> FloatArray:
    """Return the probability of each mask."""
    ones = np.array([mask.sum() for mask in masks()])
    return density**ones * (1 - density) ** (ROWS * K - ones)


def kinds(width: int, density: float) -> list[tuple[IntArray, float]]:
    """Return the distinct works of the rows of all masks, and the probability of each."""
    found, places = np.unique(work(width), axis=0, return_inverse=True)
    sums = np.zeros(len(found))
    np.add.at(sums, places.reshape(-1), chances(density))
    return list(zip(found, sums.tolist(), strict=True))


@densities
@pytest.mark.parametrize("axis", ["k", "m"])
def test_lanes(axis: Axis, density: float) -> None:
    found = expected_lanes(ROWS, K, density, WIDTHS, axis)
    for at, one in enumerate(found):
        issued = np.array([counts[at].issued for counts in counted(axis)])
        assert one.issued == pytest.approx(float(chances(density) @ issued), abs=CLOSE)
        assert one.nonzeros == ROWS * K * density
        assert (one.width, one.vectors) == (WIDTHS[at], counted(axis)[0][at].vectors)
        if density:
            assert one.utilisation * one.issued * one.width == pytest.approx(one.nonzeros)


@densities
@pytest.mark.parametrize("step", [1, 2, 3])
def test_stored_and_lockstep(density: float, step: int) -> None:
    steps = [(-(-rows // step) * step, chance) for rows, chance in kinds(1, density)]
    stored = sum(float(rows.sum()) * chance for rows, chance in steps)
    assert expected_stored(ROWS, K, density, step) == pytest.approx(stored, abs=CLOSE)
    for pes in (1, 2, 3, 5):
        cycles = sum(
            schedule(rows, pes, barrier_rows=pes).cycles * chance for rows, chance in steps
        )
        expected = expected_makespan(ROWS, K, density, pes, step)
        assert expected == pytest.approx(cycles, abs=CLOSE)


@densities
@pytest.mark.parametrize(
    ("scheduling", "chunk", "pes", "width"),
    [
        ("static", 1, 1, 1),
        ("static", 1, 2, 1),
        ("static", 1, 2, 3),
        ("static", 1, 7, 2),
        ("chunked", 2, 2, 3),
        ("chunked", 2, 1, 1),
        ("queue", 2, 2, 3),
        ("queue", 1, 3, 1),
        ("queue", 1, 2, 1),
    ],
)
def test_schedules(
    scheduling: Scheduling, chunk: int, pes: int, width: int, density: float
) -> None:
    for barrier in (None, 2):
        arguments = pes, scheduling, chunk, barrier
        found = expected_schedule(ROWS, K, density, *arguments, width=width)
        each = [(schedule(rows, *arguments), chance) for rows, chance in kinds(width, density)]
        cycles = sum(one.cycles * chance for one, chance in each)
        busy = sum(one.busy * chance for one, chance in each)
        # Draws are five standard errors off once in two million times.
        assert found.cycles == pytest.approx(cycles, abs=5 * found.error + CLOSE)
        assert found.busy == pytest.approx(busy, abs=CLOSE)
        assert found.idle == pytest.approx(found.cycles * pes - found.busy, abs=CLOSE)
        is_exact = scheduling != "queue" or pes >= -(-(barrier or ROWS) // chunk)
        assert (found.error == 0.0) == (is_exact or density in (0.0, 1.0))


def test_a_longer_queue_beside_many_masks() -> None:
    random = np.random.default_rng(5)
    found = expected_schedule(100, 64, 0.3, 8, "queue", 2)
    cycles = [
        schedule(random.binomial(64, 0.3, 100).astype(np.int64), 8, "queue", 2).cycles
        for _ in range(2000)
    ]
    spread = float(np.std(cycles)) / 2000**0.5
    assert found.cycles == pytest.approx(np.mean(cycles), abs=5 * (found.error + spread))
    assert 0 < found.error < 0.01 * found.cycles
    assert found == expected_schedule(100, 64, 0.3, 8, "queue", 2)


def test_groups_between_barriers_are_alike_and_so_are_their_errors() -> None:
    one = expected_schedule(50, 64, 0.3, 8, "queue")
    four = expected_schedule(200, 64, 0.3, 8, "queue", barrier_rows=50)
    assert (four.cycles, four.error) == pytest.approx((4 * one.cycles, 4 * one.error))


@given(n=st.integers(0, 60), p=st.floats(0.0, 1.0))
def test_binomials(n: int, p: float) -> None:
    found = binomial(n, p)
    each = [comb(n, x) * p**x * (1 - p) ** (n - x) for x in range(n + 1)]
    for x, probability in enumerate(each):
        at = x - found.low
        got = found.probabilities[at] if 0 <= at < len(found.probabilities) else 0.0
        assert got == pytest.approx(probability, abs=CLOSE)
    assert found.mean == pytest.approx(n * p, abs=1e-9)


def test_a_large_binomial_is_cut_where_nothing_is() -> None:
    found = binomial(25_000_000, 0.1)
    assert len(found.probabilities) < 40_000
    # Sums of 36,000 logarithms around 2.5 million.
    assert found.mean == pytest.approx(2_500_000, rel=1e-9)
    spread = float((found.numbers - found.mean) ** 2 @ found.probabilities)
    assert spread == pytest.approx(2_250_000, rel=1e-6)


def test_the_largest_of_several() -> None:
    small, large = binomial(3, 0.5), binomial(5, 0.8)
    expected = 0.0
    for triple in product(range(4), range(4), range(6)):
        chance = (
            small.probabilities[triple[0]]
            * small.probabilities[triple[1]]
            * large.probabilities[triple[2]]
        )
        expected += chance * max(triple)
    assert expected_largest([(small, 2), (large, 1)]) == pytest.approx(expected, abs=CLOSE)


def test_mistakes_are_told() -> None:
    with pytest.raises(DataError, match="density: expected 0 to 1, got 1"):
        expected_makespan(3, 4, 1.5, 2)
    with pytest.raises(DataError, match="expected rows and k from 0, got -3 and 4"):
        expected_stored(-3, 4, 0.5)
    with pytest.raises(DataError, match="pes: expected 1 or more, got 0"):
        expected_makespan(3, 4, 0.5, 0)
    with pytest.raises(DataError, match="step: expected 1 or more, got 0"):
        expected_stored(3, 4, 0.5, 0)
    with pytest.raises(DataError, match="axis: expected k or m, got 'rows'"):
        expected_lanes(3, 4, 0.5, [2], "rows")  # pyright: ignore[reportArgumentType]
