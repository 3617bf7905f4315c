"""Huffman codes are as short as those of dahuffman."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.formats._canonical import code_lengths

dahuffman: Any = pytest.importorskip("dahuffman", reason="needs the oracle extra: dahuffman")
pytestmark = pytest.mark.oracle


def bits_of_dahuffman(counts: list[int]) -> int:
    """Return the bits of all symbols; it adds one symbol, the end, which occurs once."""
    frequencies = dict(enumerate(counts[1:]))
    codec = dahuffman.HuffmanCodec.from_frequencies(frequencies)
    return sum(
        bits * frequencies.get(symbol, 1) for symbol, (bits, _) in codec.get_code_table().items()
    )


@settings(max_examples=200)
@given(counts=st.lists(st.integers(1, 10**6), min_size=1, max_size=300))
def test_all_symbols_take_as_many_bits(counts: list[int]) -> None:
    counts = [1, *counts]
    weights = np.array(counts)
    assert int(weights @ code_lengths(weights)) == bits_of_dahuffman(counts)


def test_weights_of_a_layer_take_as_many_bits() -> None:
    codes = np.rint(np.random.default_rng(0).standard_normal(100_000) * 20).astype(np.int64)
    counts = [1, *np.unique(codes, return_counts=True)[1].tolist()]
    weights = np.array(counts)
    assert int(weights @ code_lengths(weights)) == bits_of_dahuffman(counts)
