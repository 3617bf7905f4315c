"""One matrix in every format, its bytes counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsim.errors import FormatError
from hwsim.formats import FORMATS, NM, Bitmask, Block, Csc, Csr, Dense, Format, Rle
from hwsim.formats.find import find_format

# Two rows of ten columns; three values, never more than one in four neighbours.
MATRIX = np.array([[0, 7, 0, 0, 0, 0, 0, 0, 0, -3], [0, 0, 0, 0, -8, 0, 0, 0, 0, 0]], np.int8)


@pytest.mark.parametrize(
    ("fmt", "bits", "values", "indices"),
    [
        (Dense(), 8, 20, 0),
        (Dense(), 4, 10, 0),  # two values a byte
        (Csr(), 8, 3, 3 + 3),  # a column of 8 bits each; starts 0, 2, 3 of 8 bits each
        (Csr(), 4, 2, 3 + 3),  # three nibbles take two bytes
        (Csc(), 8, 3, 3 + 11),  # a row of 8 bits each; eleven starts of 8 bits
        (Csc(), 4, 2, 3 + 11),
        (Bitmask(), 8, 3, 2 * 2),  # ten bits are two bytes a row
        (Bitmask(), 4, 2, 2 * 2),
        (NM(1, 4), 8, 6, 2),  # three groups a row, one value each; six places of 2 bits
        (NM(2, 4), 8, 12, 3),
        (NM(1, 4), 4, 3, 2),
        (NM(4, 8), 8, 16, 6),  # two groups a row, four values each; 16 places of 3 bits
        (Block(2, 2), 8, 12, 3 + 2),  # blocks at columns 0, 4 and 8; starts 0, 3
        (Block(1, 4), 8, 10, 3 + 3),  # the last block of row 0 is two wide
        (Block(1, 4), 4, 5, 3 + 3),
        (Block(4, 16), 8, 20, 1 + 2),  # one block, cut to the matrix
    ],
    ids=str,
)
def test_bytes(fmt: Format, bits: int, values: int, indices: int) -> None:
    packed = fmt.pack(MATRIX, bits)
    assert packed.arrays["values"].nbytes == values
    assert packed.storage_bytes == values + indices
    np.testing.assert_array_equal(fmt.unpack(packed), MATRIX)


def test_what_csr_holds() -> None:
    arrays = Csr().pack(MATRIX, 8).arrays
    assert arrays["values"].view(np.int8).tolist() == [7, -3, -8]
    assert arrays["columns"].tolist() == [1, 9, 4]
    assert arrays["starts"].tolist() == [0, 2, 3]


def test_what_bitmask_holds() -> None:
    arrays = Bitmask().pack(MATRIX, 8).arrays
    assert arrays["mask"].tolist() == [[0b00000010, 0b00000010], [0b00010000, 0]]


def test_what_blocks_hold() -> None:
    arrays = Block(2, 2).pack(MATRIX, 8).arrays
    # Each block row by row, its zeros with it.
    assert arrays["values"].view(np.int8).tolist() == [0, 7, 0, 0, 0, 0, -8, 0, 0, -3, 0, 0]
    assert arrays["places"].tolist() == [0, 2, 4]
    assert arrays["starts"].tolist() == [0, 3]
    assert Block(2, 2).stored_per_row(Block(2, 2).pack(MATRIX, 8)).tolist() == [6, 6]


def test_rows_of_a_block_share_what_they_read() -> None:
    # 24 multiplications on 1, 2, 4 and 6 lanes: with 4 lanes, two blocks of two rows each.
    assert [Block(2, 4).activation_reads(24, lanes) for lanes in (1, 2, 4, 6)] == [24, 12, 12, 12]


def test_what_one_of_four_holds() -> None:
    arrays = NM(1, 4).pack(MATRIX, 8).arrays
    assert arrays["values"].view(np.int8).tolist() == [7, 0, -3, 0, -8, 0]
    # Places 1, 0, 1, 0 and 0, 0, lowest bits first.
    assert arrays["places"].tolist() == [0b00_01_00_01, 0]


def test_nibbles_lie_lowest_first() -> None:
    packed = Dense().pack(np.array([[1, -1, 7]], np.int8), 4)
    assert packed.arrays["values"].tolist() == [0xF1, 0x07]


@pytest.mark.parametrize(
    ("columns", "column_bytes", "start_bytes"),
    [(256, 1, 2), (257, 2, 2), (65536, 2, 4), (65537, 4, 4)],
)
def test_csr_indices_take_the_narrowest_width(
    columns: int, column_bytes: int, start_bytes: int
) -> None:
    matrix = np.zeros((1, columns), np.int8)
    matrix[0, -1] = 5
    packed = Csr().pack(matrix, 8)
    assert packed.arrays["columns"].nbytes == column_bytes
    assert packed.arrays["starts"].nbytes == 2 * start_bytes
    np.testing.assert_array_equal(Csr().unpack(packed), matrix)


def test_crowded_group_is_named() -> None:
    matrix = np.zeros((2, 10), np.int8)
    matrix[1, 8:] = 1
    with pytest.raises(FormatError) as error:
        NM(1, 4).pack(matrix, 8)
    assert str(error.value) == (
        "format 1:4: row 1, columns 8..9 hold 2 non-zeros; prune{structure=1:4} makes them fit"
    )


@pytest.mark.parametrize("name", ["1:2", "3:5", "7:256", "1:256", "16:16", "255:256", "256:256"])
def test_any_pair_is_a_format(name: str) -> None:
    fmt = find_format(name)
    assert isinstance(fmt, NM)
    assert fmt.name == name


@pytest.mark.parametrize("name", ["bsr1x1", "bsr4x4", "bsr256x1", "bsr16x3"])
def test_any_block_is_a_format(name: str) -> None:
    fmt = find_format(name)
    assert isinstance(fmt, Block)
    assert fmt.name == name


@pytest.mark.parametrize("bits", [1, 5, 16])
def test_any_run_is_a_format(bits: int) -> None:
    assert find_format(f"rle{bits}") == Rle(bits)


UNKNOWN = {
    "": "",
    "bsr0x4": "",
    "bsr257x1": "",
    "coo": "csr",
    "DENSE": "dense",
    "0:4": "",
    "5:4": "",
    "1:1": "",
    "1:257": "",
    "2:4 ": "2:4",
    "-1:4": "1:4",
    "02:4": "2:4",
    "1\N{ARABIC-INDIC DIGIT FOUR}:15": "",
    "rle0": "",
    "rle17": "",
    "rle05": "",
    "csr ": "csr",
    "CSC": "csc",
    "bitmap": "bitmask",
    "relative-4": "relative4",
    "relative4codebook": "relative4_codebook",
    "hufman": "huffman",
    "rlc": "rle4",
    "bsr": "bsr4x4",
    "zip": "",
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_names_are_refused_with_what_was_meant(name: str) -> None:
    with pytest.raises(FormatError) as error:
        find_format(name)
    known = ", ".join(fmt.name for fmt in FORMATS)
    told = f"no storage format {name!r}; known: {known}, or any n:m, bsrRxC or rleB"
    assert str(error.value).startswith(told)
    if UNKNOWN[name]:
        assert str(error.value) == f"{told}; did you mean {UNKNOWN[name]}?"


def test_what_csc_holds() -> None:
    packed = Csc().pack(MATRIX, 8)
    # Column by column: column 1 of row 0, column 4 of row 1, column 9 of row 0.
    assert packed.arrays["values"].view(np.int8).tolist() == [7, -8, -3]
    assert packed.arrays["rows"].tolist() == [0, 1, 0]
    assert packed.arrays["starts"].tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 3]
    assert Csc().stored_per_row(packed).tolist() == [2, 1]


@pytest.mark.parametrize(
    ("rows", "row_bytes", "start_bytes"),
    [(255, 1, 1), (256, 1, 2), (257, 2, 2), (65535, 2, 2), (65536, 2, 4), (65537, 4, 4)],
)
def test_csc_indices_take_the_narrowest_width(rows: int, row_bytes: int, start_bytes: int) -> None:
    matrix = np.zeros((rows, 1), np.int8)
    matrix[-1, 0] = 5
    packed = Csc().pack(matrix, 8)
    assert packed.arrays["rows"].nbytes == row_bytes
    assert packed.arrays["starts"].nbytes == 2 * start_bytes
    np.testing.assert_array_equal(Csc().unpack(packed), matrix)


@pytest.mark.parametrize(
    ("part", "damaged", "words"),
    [
        ("starts", [0, 0, 1, 1, 1, 0, 2, 2, 2, 2, 3], "do not rise from 0"),
        ("starts", [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3], "do not rise from 0"),
        ("starts", [0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 200], "do not rise from 0"),
        ("rows", [0, 2, 0], "row 2 of a matrix of 2"),
        ("values", [1], "3 numbers of 8 bits take 3 bytes, got 1"),
    ],
)
def test_damaged_columns_are_refused(part: str, damaged: list[int], words: str) -> None:
    packed = Csc().pack(MATRIX, 8)
    arrays = packed.arrays | {part: np.array(damaged, np.uint8)}
    with pytest.raises(FormatError, match=words):
        Csc().unpack(replace(packed, arrays=arrays))
