"""Products of signs by counting bits are the products of the codes -1, 0 and +1."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.arrays import IntArray
from hwsim.errors import FormatError
from hwsim.formats import Dense, Signs
from hwsim.kernels.xnor import masked_signs_matmul, packed_words, signs_matmul


def every(codes: tuple[int, ...], columns: int) -> IntArray:
    """Return all vectors of so many codes: int8 [len(codes)^columns, columns]."""
    return np.array(list(product(codes, repeat=columns)), np.int8)


def counted(x: IntArray, weights: IntArray) -> IntArray:
    """Return the product by the format, as layers compute it."""
    fmt = Signs()
    return fmt.bind_signs(fmt.pack(weights, 1))(x)


@pytest.mark.parametrize("columns", range(1, 7))
def test_all_short_vectors(columns: int) -> None:
    weights = every((-1, 1), columns)
    x = every((-1, 0, 1), columns)
    want = x.astype(np.int64) @ weights.astype(np.int64).T
    got = counted(x, weights)
    assert got.dtype == np.int32
    np.testing.assert_array_equal(got, want)
    whole = x.all(axis=1)
    np.testing.assert_array_equal(counted(x[whole], weights), want[whole])


def test_both_kernels_agree_where_all_counts() -> None:
    x, weights = every((-1, 1), 5), every((-1, 1), 5)
    out = np.empty((2, 32, 32), np.int32)
    signs_matmul(packed_words(x > 0), packed_words(weights > 0), 5, out[0])
    ones = packed_words(np.ones_like(x))
    masked_signs_matmul(packed_words(x > 0), ones, packed_words(weights > 0), out[1])
    np.testing.assert_array_equal(out[0], out[1])
    # Of 5 signs, 2 popcount(xnor) - 5 is odd.
    assert set(np.unique(out[0]).tolist()) == {-5, -3, -1, 1, 3, 5}


@given(
    rows=st.integers(1, 3),
    columns=st.integers(1, 200),
    positions=st.integers(1, 3),
    zeros=st.sampled_from([0.0, 0.2, 1.0]),
    seed=st.integers(0, 1 << 32),
)
def test_counted_products_are_the_dense_ones(
    rows: int, columns: int, positions: int, zeros: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.choice(np.array([-1, 1], np.int8), (rows, columns))
    x = rng.choice(np.array([-1, 1], np.int8), (positions, columns))
    x[rng.random(x.shape) < zeros] = 0
    got = counted(x, weights)
    np.testing.assert_array_equal(got, Dense().bind(Dense().pack(weights, 8))(x))
    np.testing.assert_array_equal(got, Signs().bind(Signs().pack(weights, 1))(x))


@pytest.mark.parametrize("columns", [1, 8, 63, 64, 65, 128])
def test_words_hold_the_first_sign_lowest_and_zeros_behind(columns: int) -> None:
    words = packed_words(np.ones((2, columns), bool))
    assert words.shape == (2, -(-columns // 64))
    assert [int(word).bit_count() for word in words[1]] == [64] * (columns // 64) + [
        columns % 64
    ] * (columns % 64 > 0)
    first = np.zeros((1, columns), bool)
    first[0, 0] = True
    assert packed_words(first)[0, 0] == 1


def test_a_sign_takes_a_bit_and_a_row_whole_bytes() -> None:
    weights = np.array([[1, -1, -1, 1, 1, 1, 1, 1, -1], [-1] * 8 + [1]], np.int8)
    packed = Signs().pack(weights, 1)
    assert packed.arrays["values"].tolist() == [[0b11111001, 0], [0, 1]]
    assert packed.storage_bytes == 4


@pytest.mark.parametrize("code", [0, 2, -3])
def test_other_codes_than_signs_are_refused(code: int) -> None:
    weights = np.ones((2, 3), np.int8)
    weights[1, 2] = code
    with pytest.raises(FormatError, match=rf"signs: row 1, column 2 holds {code}; expected -1 and"):
        Signs().pack(weights, 8)
