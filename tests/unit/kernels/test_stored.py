"""Steps of sparse weights say what the matrix says; products by them are those of the matrix."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.arrays import Array, IntArray
from hwsim.formats.find import find_format
from hwsim.jit import IS_COMPILED, target
from hwsim.kernels import fast_product
from hwsim.kernels.fast_product import stored_product
from hwsim.kernels.micro.isa import ISAS, Isa, allowed
from hwsim.kernels.micro.stored import SCATTERED, heights, is_multiplied
from hwsim.kernels.step_costs import COSTS, cheapest_steps, steps_of
from hwsim.kernels.stored import Steps, blocks, scattered

HERE: Final = tuple(isa for isa in allowed(target()[1]) if is_multiplied(isa))
isas = pytest.mark.parametrize("isa", HERE, ids=lambda isa: isa.name)


def drawn(rows: int, columns: int, chance: float, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    kept = rng.random((rows, columns)) < chance
    return (rng.integers(-128, 128, (rows, columns)) * kept).astype(np.int8)


def written(steps: Steps, shape: tuple[int, ...], sections: IntArray) -> Array:
    """Return the matrix that steps mean whose offsets are 100 per column, or quad; int64."""
    rows, columns = shape
    quad = 1 if steps.rows == SCATTERED else 4
    found = np.zeros((steps.groups * steps.height, columns), np.int64)
    for section, starts in enumerate(steps.starts):
        for group, (first, last) in enumerate(itertools.pairwise(starts.tolist())):
            for step in range(first, last):
                if quad == 1:
                    at = steps.offsets[4 * step : 4 * step + 4] // 100
                    weights = steps.weights[4 * step : 4 * step + 4]
                    np.add.at(found[group], at, weights)
                    assert (sections[at[weights != 0]] == section).all()
                    continue
                at = int(steps.offsets[step]) // 100
                size = 4 * steps.rows
                block = steps.weights[size * step : size * (step + 1)].reshape(steps.rows, 4)
                assert block.any()
                assert sections[at] == section
                top = group * steps.rows
                found[top : top + steps.rows, 4 * at : 4 * at + 4] += block
    assert not found[rows:].any()
    return found[:rows]


@st.composite
def matrices(draw: st.DrawFn) -> Array:
    """Return weights of whole quads of columns, of any density."""
    rows, columns = draw(st.integers(1, 9)), 4 * draw(st.integers(1, 8))
    return drawn(rows, columns, draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])), draw(st.integers(0)))


@given(matrices(), st.sampled_from([SCATTERED, 1, 2, 4]), st.integers(1, 5))
def test_steps_mean_the_matrix(matrix: Array, rows: int, size: int) -> None:
    quad = 1 if rows == SCATTERED else 4
    at: IntArray = np.arange(int(matrix.shape[1]) // quad)
    # Sections of neighbours, and of every second column.
    for sections in (at // size, at % min(2, len(at))):
        if rows == SCATTERED:
            steps = scattered(matrix, at * 100, sections)
        else:
            steps = blocks(matrix, at * 100, sections, rows)
        np.testing.assert_array_equal(written(steps, matrix.shape, sections), matrix)
        if sections.max() == 0:
            assert steps.count == steps_of(matrix, rows)
        assert steps.count >= steps_of(matrix, rows)


@pytest.mark.parametrize("bits", range(64))
def test_steps_of_every_small_pattern(bits: int) -> None:
    matrix = np.array([bits >> k & 1 for k in range(6)] + [0, 0], np.int8).reshape(2, 4)
    zeros = np.zeros(4, np.int64)
    steps = scattered(matrix, np.arange(4) * 100, zeros)
    np.testing.assert_array_equal(written(steps, (2, 4), zeros), matrix)
    assert steps.count == sum(-(-int(row.sum()) // 4) for row in matrix)
    kept = blocks(matrix, np.zeros(1, np.int64), zeros[:1], 2)
    np.testing.assert_array_equal(written(kept, (2, 4), zeros[:1]), matrix)
    assert kept.count == int(bits > 0)


@given(matrices())
def test_the_cheapest_steps_are_the_cheapest(matrix: Array) -> None:
    for isa in ISAS:
        if not is_multiplied(isa):
            continue
        costs = COSTS[isa.group]
        best, taken = cheapest_steps(matrix, isa, has_quads=True)
        assert taken == costs.step(best) * steps_of(matrix, best)
        for rows in (SCATTERED, *heights(isa)):
            assert taken <= costs.step(rows) * steps_of(matrix, rows)
        assert cheapest_steps(matrix, isa, has_quads=False)[0] == SCATTERED


def twin(x: Array, weights: Array) -> Array:
    """Return int32 [p, m] as int64 sums that wrap."""
    total = np.zeros((len(x), len(weights)), np.int64)
    for m, k in np.argwhere(weights):
        total[:, m] += x[:, k].astype(np.int64) * int(weights[m, k])
    return total.astype(np.int32)


def refused(x: IntArray) -> IntArray:
    raise AssertionError(f"the slow product of {x.shape}")


@pytest.mark.skipif(not IS_COMPILED, reason="machine code is called")
@isas
@pytest.mark.parametrize(
    ("rows", "columns", "positions", "chance"),
    [
        (1, 1, 1, 1.0), (1, 5, 64, 0.5), (3, 63, 65, 0.1), (16, 64, 33, 0.5), (17, 65, 32, 0.9),
        (70, 30, 130, 0.1), (128, 40, 20, 0.05), (2, 1500, 70, 0.1), (5, 1500, 3, 0.6),
        (4, 8, 63, 0.0),
    ],
)  # fmt: skip
def test_products_are_those_of_the_matrix(
    isa: Isa, rows: int, columns: int, positions: int, chance: float
) -> None:
    weights = drawn(rows, columns, chance, rows)
    product = stored_product(weights, refused, isa)
    rng = np.random.default_rng(0)
    for dtype in (np.int8, np.uint8):
        ends = np.iinfo(dtype)
        x = rng.choice([ends.min, ends.max, 1], (positions, columns)).astype(dtype)
        got = product(x)
        assert got.dtype == np.int32
        assert got.flags.c_contiguous
        assert got.flags.writeable
        np.testing.assert_array_equal(got, twin(x, weights))


@pytest.mark.skipif(not IS_COMPILED, reason="machine code is called")
@pytest.mark.parametrize("cached", [1, 1 << 30])
def test_sections_do_not_change_sums(cached: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_product, "_CACHED_BYTES", cached)
    weights = drawn(20, 70, 0.3, 0)
    x = drawn(90, 70, 1.0, 1)
    np.testing.assert_array_equal(stored_product(weights, refused)(x), twin(x, weights))


NAMES: Final = ("csr", "bitmask", "2:4", "1:4", "bsr4x4", "bsr1x4", "bsr3x5", "bsr16x1", "bsr2x8")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("columns", [7, 24])
def test_every_format_binds_the_product(name: str, columns: int) -> None:
    weights = drawn(9, columns, 0.4, columns)
    if ":" in name:
        n = int(name[0])
        weights[:, np.arange(columns) % 4 >= n] = 0
    fmt = find_format(name)
    product = fmt.bind(fmt.pack(weights, 8))
    base = drawn(70, 2 * columns, 1.0, 3)
    frozen = base[:, :columns].copy()
    frozen.flags.writeable = False
    # In order, every second one, transposed, not to be written, and of another width.
    for x in (
        frozen,
        base[:, ::2],
        base[:columns].T[:columns, :columns].copy().T,
        base[:, :columns].view(np.uint8),
        base[:, :columns].astype(np.int16) * 100,
        base[:0, :columns],
    ):
        np.testing.assert_array_equal(product(x), twin(x, weights))


def test_wide_weights_are_multiplied_slowly() -> None:
    calls: list[int] = []

    def slow(x: IntArray) -> IntArray:
        calls.append(len(x))
        return np.zeros((len(x), 2), np.int32)

    x = np.ones((3, 4), np.int8)
    stored_product(np.array([[200, 0, 0, 0], [0, 0, 0, 0]]), slow)(x)
    stored_product(np.zeros((2, 0), np.int8), slow)(x[:, :0])
    stored_product(np.ones((2, 4), np.int8), slow)(x.astype(np.int32))
    assert calls[:3] == [3, 3, 3]
    stored_product(np.ones((2, 4), np.int8), slow)(x)
    assert len(calls) == (3 if IS_COMPILED else 4)
