"""Run lengths, bit by bit: the words of Eyeriss, runs beyond the longest, what fills a word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.arrays import Array
from hwsim.errors import FormatError
from hwsim.formats import Packed, Relative, Rle


def words(fmt: Rle, packed: Packed) -> list[int]:
    """Return each word as a number."""
    size = -(-(3 * (fmt.run_bits + packed.bits) + 1) // 8)
    content = packed.arrays["words"].tobytes()
    assert len(content) % size == 0
    starts = range(0, len(content), size)
    return [int.from_bytes(content[at : at + size], "little") for at in starts]


def twin(values: Array, run_bits: int, bits: int) -> list[int]:
    """Return the words of a matrix, one weight at a time."""
    pairs: list[tuple[int, int]] = []
    run, longest = 0, (1 << run_bits) - 1
    trailing = 0
    for value in values.reshape(-1).tolist():
        if value == 0 and run < longest:
            run += 1
            continue
        pairs.append((run, value & ((1 << bits) - 1)))
        run = 0
        if value:
            trailing = len(pairs)
    pairs = pairs[:trailing]
    made: list[int] = []
    for start in range(0, max(1, len(pairs)), 3):
        word = 0
        for place, (run, value) in enumerate(pairs[start : start + 3]):
            word |= (run | value << run_bits) << place * (run_bits + bits)
        made.append(word)
    made[-1] |= 1 << 3 * (run_bits + bits)
    return made


def test_a_word_of_eyeriss() -> None:
    """Runs of 5 bits and values of 16: three pairs and the mark of the last word are 64 bits."""
    values = np.zeros((1, 12), np.int16)
    values[0, [2, 7, 10]] = 12, 53, -22
    packed = Rle(5).pack(values, 16)
    assert packed.storage_bytes == 8
    pairs = (2, 12), (4, 53), (2, (1 << 16) - 22)
    want = sum((run | value << 5) << 21 * place for place, (run, value) in enumerate(pairs))
    assert words(Rle(5), packed) == [want | 1 << 63]


@given(
    run_bits=st.integers(1, 16),
    bits=st.sampled_from([2, 4, 7, 8, 16]),
    density=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    seed=st.integers(0, 1 << 32),
)
def test_words_are_those_of_one_weight_at_a_time(
    run_bits: int, bits: int, density: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    low = -(1 << (bits - 1))
    shape = (int(rng.integers(1, 6)), int(rng.integers(1, 60)))
    values = (rng.integers(low, -low, shape) * (rng.random(shape) < density)).astype(np.int16)
    fmt = Rle(run_bits)
    packed = fmt.pack(values, bits)
    assert words(fmt, packed) == twin(values, run_bits, bits)
    np.testing.assert_array_equal(fmt.unpack(packed), values)


@pytest.mark.parametrize(
    ("zeros", "pairs"), [(0, 1), (15, 1), (16, 2), (31, 2), (32, 3), (47, 3), (48, 4)]
)
def test_a_pair_of_the_longest_run_takes_the_place_of_sixteen_zeros(zeros: int, pairs: int) -> None:
    values = np.append(np.zeros(zeros, np.int8), np.int8(5))[None]
    packed = Rle(4).pack(values, 8)
    assert Rle(4).stored_per_row(packed).tolist() == [pairs]
    assert packed.storage_bytes == 5 * -(-pairs // 3)


def test_runs_go_on_in_the_next_row() -> None:
    """That is what tells them from relative indices, which start each row anew."""
    values = np.zeros((3, 10), np.int8)
    values[0, 8], values[2, 3] = 1, 2
    packed = Rle(4).pack(values, 8)
    # 8 zeros and the 1; 14 zeros and the 2.
    assert words(Rle(4), packed) == [8 | 1 << 4 | 14 << 12 | 2 << 16 | 1 << 36]
    assert Rle(4).stored_per_row(packed).tolist() == [1, 0, 1]
    assert Relative(4).pack(values, 8).arrays["gaps"].tolist() == [8 | 3 << 4]


def test_zeros_alone_are_one_word() -> None:
    packed = Rle(8).pack(np.zeros((4, 1000), np.int8), 8)
    assert words(Rle(8), packed) == [1 << 48]
    assert not Rle(8).unpack(packed).any()


def test_a_full_matrix_is_not_filled_beyond_its_end() -> None:
    values = np.full((1, 4), -1, np.int8)
    packed = Rle(4).pack(values, 8)
    assert len(words(Rle(4), packed)) == 2
    np.testing.assert_array_equal(Rle(4).unpack(packed), values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes are no words of 5"),
        (b"1234567", "7 bytes are no words of 5"),
        ((1 << 4).to_bytes(5, "little"), "mark of the last word is not on it alone"),
        ((1 << 36).to_bytes(5, "little") * 2, "mark of the last word is not on it alone"),
        # What fills up the last byte is none of the mark's.
        ((3 << 36).to_bytes(5, "little"), "mark of the last word is not on it alone"),
        ((1 << 36 | 15 | 1 << 4).to_bytes(5, "little"), "weight 15 of 10"),
    ],
)
def test_damaged_words_are_refused(content: bytes, message: str) -> None:
    packed = Rle(4).pack(np.ones((1, 10), np.int8), 8)
    damaged = replace(packed, arrays={"words": np.frombuffer(content, np.uint8)})
    with pytest.raises(FormatError, match=message):
        Rle(4).unpack(damaged)
    with pytest.raises(FormatError, match=message):
        Rle(4).stored_per_row(damaged)
