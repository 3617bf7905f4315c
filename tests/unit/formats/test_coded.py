"""Formats of codes and tables: their bytes counted by hand, their bounds, their limits."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.arrays import Array, IntArray
from hwsim.errors import FormatError
from hwsim.formats import NM, Bitmask, Block, Codebook, Csr, Dense, Format, Huffman, Relative, Trits
from hwsim.formats._bits import pack_unsigned, unpack_unsigned
from hwsim.formats._canonical import canonical_codes, code_lengths
from hwsim.formats.break_even import break_even_density, break_even_table

# Three values beside zero, as weights that were clustered have.
SHARED = np.array([[0, 7, 0, 0, 7, 0, 0, 0, 0, -3], [0, 0, 0, 0, -8, 0, 0, 0, 0, 0]], np.int8)


def letters(text: str) -> Array:
    return np.frombuffer(text.encode(), np.uint8)[None]


def entropy(values: Array) -> float:
    """Return the bits per value that no prefix code goes below (Shannon)."""
    shares = np.unique(values, return_counts=True)[1] / values.size
    return float(-(shares * np.log2(shares)).sum())


@given(bits=st.integers(0, 64), count=st.integers(0, 40), seed=st.integers(0, 1 << 32))
def test_numbers_of_any_width_lie_lowest_bit_first(bits: int, count: int, seed: int) -> None:
    top = min(bits, 63)
    numbers = np.random.default_rng(seed).integers(0, 1 << top, count, np.int64)
    packed = pack_unsigned(numbers, bits)
    assert packed.nbytes == -(-count * bits // 8)
    whole = sum(int(number) << (place * bits) for place, number in enumerate(numbers))
    assert int.from_bytes(packed.tobytes(), "little") == whole
    np.testing.assert_array_equal(unpack_unsigned(packed, bits, count), numbers)


def test_hello_world() -> None:
    """The example of every textbook: H = 2.845 bits, 32 bits in all, 2.909 per letter."""
    values = letters("hello world")
    packed = Huffman().pack(values, 8)
    assert entropy(values) == pytest.approx(2.845, abs=5e-4)
    lengths = code_lengths(np.unique(values, return_counts=True)[1])
    counts = np.unique(values, return_counts=True)[1]
    assert int(lengths @ counts) == 32
    assert int(lengths @ counts) / values.size == pytest.approx(2.909, abs=5e-4)
    assert packed.arrays["stream"].nbytes == 4
    # l of 2 bits; five letters of 3; two of 4: counts per length behind the bytes of a count.
    assert packed.arrays["lengths"].tolist() == [1, 0, 1, 5, 2]
    table = packed.arrays["table"].tobytes().decode()
    assert table[0] == "l"
    assert sorted(table[1:]) == sorted(" dehorw")
    np.testing.assert_array_equal(Huffman().unpack(packed), values)


def test_codes_of_a_length_count_upwards() -> None:
    assert canonical_codes(np.array([1, 2, 3, 3])).tolist() == [0b0, 0b10, 0b110, 0b111]


def test_what_a_stream_holds() -> None:
    """0 nine times, 7 twice, -3 once: codes 0, 10, 11, highest bit first."""
    values = np.array([[0, 7, 0, 0, 7, 0, 0, 0, 0, 0, 0, -3]], np.int8)
    arrays = Huffman().pack(values, 8).arrays
    assert arrays["lengths"].tolist() == [1, 1, 2]
    assert arrays["table"].view(np.int8).tolist() == [0, -3, 7]
    assert arrays["stream"].tolist() == [0b0_11_0_0_11_0, 0b0_0_0_0_0_10_0]


@given(
    counts=st.lists(st.integers(1, 1000), min_size=1, max_size=40),
    longest=st.sampled_from([6, 8, 32]),
)
def test_code_lengths_make_a_complete_code_within_the_bounds(
    counts: list[int], longest: int
) -> None:
    weights = np.array(counts)
    lengths = code_lengths(weights, longest)
    assert lengths.max() <= longest
    if len(counts) == 1:
        assert lengths.tolist() == [0]
        return
    assert np.ldexp(1.0, -lengths).sum() == 1.0
    shares = weights / weights.sum()
    bits = float(shares @ lengths)
    assert bits >= float(-(shares * np.log2(shares)).sum()) - 1e-12
    if longest == 32:
        assert bits < float(-(shares * np.log2(shares)).sum()) + 1


@pytest.mark.parametrize("longest", [2, 3, 4])
@settings(max_examples=25)
@given(counts=st.lists(st.integers(1, 50), min_size=2, max_size=4))
def test_no_code_within_the_limit_is_shorter(counts: list[int], longest: int) -> None:
    """Every set of lengths that satisfies Kraft's inequality is tried."""
    weights = np.array(counts)
    best = min(
        int(weights @ np.array(lengths))
        for lengths in product(range(1, longest + 1), repeat=len(counts))
        if sum(2.0**-length for length in lengths) <= 1
    )
    assert int(weights @ code_lengths(weights, longest)) == best


def test_codes_stay_within_32_bits_where_huffman_would_exceed_them() -> None:
    fibonacci = [1, 1]
    while len(fibonacci) < 40:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    lengths = code_lengths(np.array(fibonacci))
    assert code_lengths(np.array(fibonacci), 40).max() == 39
    assert lengths.max() == 32
    assert np.ldexp(1.0, -lengths).sum() == 1.0


@given(seed=st.integers(0, 1 << 32), spread=st.sampled_from([0.3, 2.0, 30.0]))
@settings(max_examples=25)
def test_huffman_takes_less_than_a_bit_above_the_entropy(seed: int, spread: float) -> None:
    values = np.rint(np.random.default_rng(seed).standard_normal((20, 30)) * spread).clip(-127, 127)
    codes = values.astype(np.int8)
    stream = Huffman().pack(codes, 8).arrays["stream"].nbytes
    assert entropy(codes) * codes.size <= 8 * stream < (entropy(codes) + 1) * codes.size + 8


@pytest.mark.parametrize(
    ("fmt", "bits", "sizes"),
    [
        # Four distinct values, 2 bits for each of 20 weights.
        (Codebook(), 8, {"table": 4, "indices": 5}),
        (Codebook(), 4, {"table": 2, "indices": 5}),
        # 16 zeros of one bit, 7 twice of two, the others of three: 16 + 4 + 6 bits.
        (Huffman(), 8, {"table": 4, "lengths": 4, "stream": 4}),
        # Four weights, a nibble of gap each; 3 and 1 in two bits each, of the byte that is there.
        (Relative(4), 8, {"values": 4, "gaps": 2, "counts": 1}),
        (Relative(4), 4, {"values": 2, "gaps": 2, "counts": 1}),
        (Relative(8), 8, {"values": 4, "gaps": 4, "counts": 1}),
        # Three distinct values that are stored: 2 bits each.
        (Relative(4, "codebook"), 8, {"table": 3, "indices": 1, "gaps": 2, "counts": 1}),
    ],
    ids=str,
)
def test_bytes(fmt: Format, bits: int, sizes: dict[str, int]) -> None:
    packed = fmt.pack(SHARED, bits)
    assert {name: array.nbytes for name, array in packed.arrays.items()} == sizes
    np.testing.assert_array_equal(fmt.unpack(packed), SHARED)


def test_five_trits_share_a_byte() -> None:
    weights = np.array([[-5, 0, 5, 5, 0, 5]], np.int8)
    packed = Trits().pack(weights, 8)
    # Digits 0, 1, 2, 2, 1 of base 3, lowest first; then a 2.
    assert packed.arrays["trits"].tolist() == [0 + 1 * 3 + 2 * 9 + 2 * 27 + 1 * 81, 2]
    assert packed.arrays["table"].view(np.int8).tolist() == [-5, 5]
    assert Trits().pack(np.tile(weights, (5, 1000)), 8).storage_bytes == 5 * 1000 * 6 // 5 + 2


@pytest.mark.parametrize(
    "values", [[0, 1, 2], [-1, -2, 0], [0.5, 0.25, 0.0]], ids=["positive", "negative", "reals"]
)
def test_three_magnitudes_are_no_trits(values: list[float]) -> None:
    with pytest.raises(FormatError, match=r"format trits: row 0, column [01] holds"):
        Trits().pack(np.array([values], np.float32), 32)


def test_trained_ternary_weights_have_two_magnitudes() -> None:
    weights = np.array([[-0.5, 0.0, 0.75]], np.float32)
    np.testing.assert_array_equal(Trits().unpack(Trits().pack(weights, 32)), weights)


@pytest.mark.parametrize(
    ("zeros", "gaps"),
    [(0, [0]), (15, [15]), (16, [15, 0]), (17, [15, 1]), (31, [15, 15]), (32, [15, 15, 0])],
)
def test_fillers_bridge_long_runs_of_zeros(zeros: int, gaps: list[int]) -> None:
    """As EIE does: a filler is a zero with 15 zeros before it."""
    row = np.zeros((1, zeros + 1), np.int8)
    row[0, -1] = 9
    packed = Relative(4).pack(row, 8)
    assert unpack_unsigned(packed.arrays["gaps"], 4, len(gaps)).tolist() == gaps
    assert packed.arrays["values"].view(np.int8).tolist() == [0] * (len(gaps) - 1) + [9]
    assert Relative(4).stored_per_row(packed).tolist() == [len(gaps)]
    np.testing.assert_array_equal(Relative(4).unpack(packed), row)


def test_rows_start_anew_and_end_without_fillers() -> None:
    weights = np.zeros((3, 400), np.int8)
    weights[0, 1], weights[2, 300] = 4, 5
    packed = Relative(8).pack(weights, 8)
    assert packed.arrays["gaps"].tolist() == [1, 255, 300 - 256]
    assert Relative(8).stored_per_row(packed).tolist() == [1, 0, 2]


@pytest.mark.parametrize("fmt", [Codebook(), Huffman()], ids=str)
def test_every_bit_of_a_real_comes_back(fmt: Format) -> None:
    weights = np.array([[0.0, -0.0, np.inf, 1e-45, np.nan, 0.1]], np.float32)
    assert fmt.unpack(fmt.pack(weights, 32)).tobytes() == weights.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("fmt", [Codebook(), Huffman(), Relative(4, "huffman")], ids=str)
def test_too_many_values_for_a_table_are_refused(fmt: Format) -> None:
    weights = np.arange(1, (1 << 16) + 2, dtype=np.float32)[None]
    np.testing.assert_array_equal(fmt.unpack(fmt.pack(weights[:, 1:], 32)), weights[:, 1:])
    with pytest.raises(FormatError, match=f"format {fmt.name}: 65537 distinct values"):
        fmt.pack(weights, 32)


@pytest.mark.parametrize(("count", "bits"), [(1, 0), (2, 1), (3, 2), (16, 4), (17, 5), (200, 8)])
def test_indices_are_as_wide_as_the_table_is_long(count: int, bits: int) -> None:
    weights = (np.arange(2000) % count).astype(np.uint8)[None]
    assert Codebook().pack(weights, 8).index_bits == bits
    assert Codebook().pack(weights, 8).arrays["indices"].nbytes == 2000 * bits // 8
    assert Dense().pack(weights, 8).index_bits == Huffman().pack(weights, 8).index_bits == 0


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ([1, 1], "no complete prefix code"),
        ([1, 3], "no complete prefix code"),
        ([1, *[0] * 40, 1], "no complete prefix code"),
        ([3, 2], "take 1, 2 or 4 bytes"),
        ([2, 2], "numbers of 16 bits"),
        ([], "take 1, 2 or 4 bytes"),
    ],
)
def test_codes_that_are_none_are_refused(lengths: list[int], words: str) -> None:
    packed = Huffman().pack(np.array([[0, 0, 7, 7]], np.int8), 8)
    assert packed.arrays["lengths"].tolist() == [1, 2]
    damaged = np.array(lengths, np.uint8)
    with pytest.raises(FormatError, match=words):
        Huffman().unpack(replace(packed, arrays=packed.arrays | {"lengths": damaged}))


def test_a_stream_of_another_length_is_refused() -> None:
    packed = Huffman().pack(np.tile(np.array([[0, 7]], np.int8), (1, 12)), 8)
    for stream in ([1, 2], [1, 2, 3, 4], []):
        damaged = replace(packed, arrays=packed.arrays | {"stream": np.array(stream, np.uint8)})
        with pytest.raises(FormatError):
            Huffman().unpack(damaged)


def test_no_index_points_beyond_the_table() -> None:
    weights = np.arange(17, dtype=np.uint8)[None]
    packed = Codebook().pack(weights, 8)
    ones = np.full_like(packed.arrays["indices"], 255)
    with pytest.raises(FormatError, match="index 31 of a table of 17 values"):
        Codebook().unpack(replace(packed, arrays=packed.arrays | {"indices": ones}))


def test_no_gap_leads_beyond_the_row() -> None:
    packed = Relative(8).pack(SHARED, 8)
    beyond = np.full_like(packed.arrays["gaps"], 200)
    with pytest.raises(FormatError, match=r"column \d+ in a row of 10"):
        Relative(8).unpack(replace(packed, arrays=packed.arrays | {"gaps": beyond}))


def normal(shape: tuple[int, int], spread: float) -> IntArray:
    return np.rint(np.random.default_rng(0).standard_normal(shape) * spread).astype(np.int8)


def test_break_even_of_formats_whose_bytes_are_known() -> None:
    weights = normal((64, 256), 25.0)
    weights[weights == 0] = 1
    # A bit per weight and a byte per kept one: 7/8. A byte more per kept one, and row starts: 1/2.
    assert break_even_density(Bitmask(), weights, 8) == pytest.approx(7 / 8, abs=1e-3)
    assert break_even_density(Csr(), weights, 8) == pytest.approx(0.5, abs=0.01)
    # Half a byte more, rarely a filler, and row counts: 2/3.
    assert break_even_density(Relative(4), weights, 8) == pytest.approx(2 / 3, abs=0.02)
    assert break_even_density(Dense(), weights, 8) == 0
    assert break_even_density(NM(2, 4), weights, 8) is None
    # At that density, one weight more takes no fewer bytes than dense.
    reals = weights.astype(np.float32)
    assert break_even_density(Bitmask(), reals, 32) == pytest.approx(31 / 32, abs=1e-3)


def test_the_table_of_break_even_densities() -> None:
    table = {name: (int8, float32) for name, int8, float32 in break_even_table(side=32)}
    assert {"dense", "csr", "bitmask", "huffman", "relative4"} <= table.keys()
    assert "2:4" not in table
    assert all(0 <= density <= 1 for row in table.values() for density in row)
    assert table["bitmask"][0] < table["bitmask"][1]


def test_no_block_is_stored_twice() -> None:
    weights = np.ones((4, 8), np.int8)
    packed = Block(4, 4).pack(weights, 8)
    for places in ([0, 0], [1, 0], [0, 2]):
        damaged = packed.arrays | {"places": np.array(places, np.uint8)}
        with pytest.raises(FormatError, match="do not follow one another"):
            Block(4, 4).unpack(replace(packed, arrays=damaged))


@pytest.mark.parametrize("table", [[1, 2], [-2, -1]])
def test_trits_of_one_sign_are_no_trits(table: list[int]) -> None:
    packed = Trits().pack(np.array([[-1, 0, 1]], np.int8), 8)
    packed.arrays["table"][:] = np.array(table, np.int8).view(np.uint8)
    with pytest.raises(FormatError, match="below and"):
        Trits().unpack(packed)
