"""Patterns as words, beside numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.arrays import Array
from hwsim.errors import DataError
from hwsim.sparsity import pack


@st.composite
def matrices(draw: st.DrawFn) -> Array:
    rows, k = draw(st.integers(0, 6)), draw(st.integers(0, 200))
    random = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    kept = random.random((rows, k)) < draw(st.sampled_from((0.0, 0.1, 0.6, 1.0)))
    kind = draw(st.sampled_from(("bool", "int8", "uint8", "int16", "float32", "float64")))
    values = random.integers(1, 128, (rows, k)) if kind != "bool" else kept
    signs = random.choice((-1, 1), (rows, k)) if kind[0] in "if" else 1
    return np.where(kept, values * signs, 0).astype(kind)


@given(matrix=matrices(), is_transposed=st.booleans())
def test_bits_are_where_numbers_are_not_zero(matrix: Array, is_transposed: bool) -> None:
    if is_transposed:
        matrix = np.asfortranarray(matrix)
    pattern = pack(matrix)
    assert pattern.shape == matrix.shape
    assert pattern.words.dtype == np.uint64
    assert pattern.words.shape == (len(matrix), -(-matrix.shape[1] // 64))
    for row, words in zip(matrix, pattern.words.tolist(), strict=True):
        bits = sum(word << (64 * at) for at, word in enumerate(words))
        assert bits == sum(1 << int(column) for column in np.flatnonzero(row))
    assert pattern.nonzeros == np.count_nonzero(matrix)
    np.testing.assert_array_equal(pattern.per_row, np.count_nonzero(matrix, axis=1))
    np.testing.assert_array_equal(pattern.columns, np.nonzero(matrix)[1])


def test_every_word_of_few_bits_gives_its_columns() -> None:
    # All 2^12 patterns of 12 bits that lie across two words.
    bits = (np.arange(1 << 12)[:, np.newaxis] >> np.arange(12)) & 1
    matrix = np.concatenate([np.zeros((1 << 12, 58), np.int64), bits], axis=1)
    np.testing.assert_array_equal(pack(matrix).columns, np.nonzero(matrix)[1])


def test_odd_zeros_are_zeros_and_what_is_no_number_is_not() -> None:
    reals = np.array([[0.0, -0.0, 1e-45, np.nan, -np.inf]], np.float32)
    assert pack(reals).columns.tolist() == [2, 3, 4]


def test_a_pattern_is_not_packed_again() -> None:
    pattern = pack(np.eye(3))
    assert pack(pattern) is pattern


@pytest.mark.parametrize("mask", [np.zeros(3), np.zeros((1, 2, 3)), np.full((1, 1), "0")])
def test_other_arrays_are_refused(mask: Array) -> None:
    with pytest.raises(DataError, match=r"mask: expected numbers \[rows, k\], got"):
        pack(mask)
