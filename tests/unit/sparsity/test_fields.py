"""Vectors as fields of words, beside rows cut by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import DataError
from hwsim.sparsity.fields import Fields, spread


@given(
    rows=st.integers(0, 4),
    k=st.integers(1, 150),
    width=st.integers(1, 64),
    seed=st.integers(0, 1 << 30),
)
def test_no_vector_crosses_two_words(rows: int, k: int, width: int, seed: int) -> None:
    fields = Fields(width=width, k=k)
    mask = np.random.default_rng(seed).random((rows, k)) < 0.5
    words = spread(mask, fields)
    assert words.shape == (rows, len(range(0, k, 64 // width * width)))
    for row, got in zip(mask, words.tolist(), strict=True):
        for at, word in enumerate(got):
            expected = 0
            for place in range(64 // width):
                first = (at * (64 // width) + place) * width
                lanes = row[first : first + width].tolist()
                expected |= sum(int(bit) << lane for lane, bit in enumerate(lanes)) << place * width
            assert word == expected
    np.testing.assert_array_equal(fields.valid, spread(np.ones((1, k)), fields)[0])


@pytest.mark.parametrize("width", range(1, 65))
def test_a_vector_is_found_by_its_highest_bit(width: int) -> None:
    low, high, same = Fields(width=width, k=1).steps
    assert same == width
    fields = 64 // width
    for seen in range(1 << min(fields, 6)):
        for lane in (0, width // 2, width - 1):
            word = sum(1 << place * width + lane for place in range(fields) if seen >> place & 1)
            found = (((word & low) + low) | word) & high
            whole = sum(1 << place * width + width - 1 for place in range(6) if seen >> place & 1)
            assert found == whole


def test_other_widths_are_refused() -> None:
    with pytest.raises(DataError, match="width: expected an int of 1 to 64, got 65"):
        Fields(width=65, k=3)
