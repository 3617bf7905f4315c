"""What holds of every storage format."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.arrays import Array, IntArray
from hwsim.errors import FormatError
from hwsim.formats import FORMATS, NM, Block, Dense, Format, Relative, Rle, Signs, Trits
from hwsim.formats.find import find_format

# Beyond the table: groups that are no power of two, one column per group kept, a full group.
# Blocks of one row or column, wider than the matrix, and such as no edge is a multiple of.
BLOCKS = (Block(1, 4), Block(3, 2), Block(16, 1), Block(2, 32))
# Codes of every weight, zeros too.
DENSELY_CODED = ("codebook", "huffman", "signs", "trits")
GROUPS = (NM(2, 3), NM(1, 2), NM(5, 5), NM(3, 256), NM(255, 256), NM(256, 256))
# The shortest run and the longest, and that of Eyeriss.
RUNS = (Rle(1), Rle(5), Rle(16))
ALL: tuple[Format, ...] = (*FORMATS, *GROUPS, *BLOCKS, *RUNS)
WIDTHS = (
    *(("int8", bits) for bits in range(1, 9)),
    ("uint8", 8),
    ("int16", 12),
    ("int16", 16),
    ("int32", 32),
    ("int64", 64),
    ("float32", 32),
)
formats = pytest.mark.parametrize("fmt", ALL, ids=lambda fmt: fmt.name)
# Each law tries hundreds of matrices, over all formats.
few = settings(max_examples=25)


def filled(rng: np.random.Generator, shape: tuple[int, int], dtype: str, bits: int) -> Array:
    """Return weights over the whole range of `bits`, about half of them at its ends."""
    if dtype == "float32":
        return rng.standard_normal(shape).astype(np.float32)
    low, high = (0, 1 << bits) if dtype == "uint8" else (-(1 << (bits - 1)), 1 << (bits - 1))
    ends = rng.choice([low, high - 1], shape)
    return np.where(rng.random(shape) < 0.5, ends, rng.integers(low, high, shape)).astype(dtype)


@st.composite
def matrices(draw: st.DrawFn, widths: tuple[tuple[str, int], ...] = WIDTHS) -> tuple[Array, int]:
    """Return a weight [rows, columns] and its bits: empty, full and every share between."""
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 21))
    dtype, bits = draw(st.sampled_from(widths))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    values = filled(rng, (rows, columns), dtype, bits)
    density = draw(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]))
    keep = rng.random(values.shape) < density
    keep[draw(st.integers(0, rows - 1))] &= draw(st.booleans())  # often a row without any
    return np.where(keep, values, np.zeros((), dtype)), bits


def fitted(fmt: Format, weights: Array) -> Array:
    """Return the weights with what `fmt` cannot hold set to 0, or to a sign."""
    kept = weights.copy()
    if isinstance(fmt, NM):
        for row in kept:
            for start in range(0, len(row), fmt.m):
                group = row[start : start + fmt.m]
                group[np.flatnonzero(group)[fmt.n :]] = 0
    if isinstance(fmt, Trits):
        kept[(kept != min(kept.min(), 0)) & (kept != max(kept.max(), 0))] = 0
    if isinstance(fmt, Signs):
        least = 1 if kept.dtype.kind == "u" else -1
        kept = np.where(kept > 0, 1, least).astype(kept.dtype)
    return kept


def twin(weights: IntArray, x: IntArray) -> IntArray:
    """Return x @ weights.T as int32 that wraps."""
    return (x.astype(np.int64) @ weights.astype(np.int64).T).astype(np.int32)


@formats
@few
@given(matrix=matrices())
def test_unpack_inverts_pack(fmt: Format, matrix: tuple[Array, int]) -> None:
    weights, bits = fitted(fmt, matrix[0]), matrix[1]
    unpacked = fmt.unpack(fmt.pack(weights, bits))
    assert unpacked.dtype == weights.dtype
    np.testing.assert_array_equal(unpacked, weights)


@formats
@few
@given(matrix=matrices())
def test_flat_bytes_are_enough(fmt: Format, matrix: tuple[Array, int]) -> None:
    weights = fitted(fmt, matrix[0])
    packed = fmt.pack(weights, matrix[1])
    flat = replace(packed, arrays={key: part.reshape(-1) for key, part in packed.arrays.items()})
    np.testing.assert_array_equal(fmt.unpack(flat), weights)
    np.testing.assert_array_equal(fmt.stored_per_row(flat), fmt.stored_per_row(packed))


@formats
@few
@given(matrix=matrices(), seed=st.integers(0, 1 << 32))
def test_damaged_bytes_are_refused_or_are_other_weights(
    fmt: Format, matrix: tuple[Array, int], seed: int
) -> None:
    packed = fmt.pack(fitted(fmt, matrix[0]), matrix[1])
    rng = np.random.default_rng(seed)
    for key, whole in packed.arrays.items():
        part = whole.reshape(-1)
        noise = rng.integers(0, 256, part.size, np.uint8)
        for damaged in (part[:-1], np.append(part, np.uint8(7)), noise, part[:0]):
            try:
                found = fmt.unpack(replace(packed, arrays=packed.arrays | {key: damaged}))
            except (FormatError, ValueError, IndexError):
                continue
            assert (found.shape, found.dtype) == (packed.shape, packed.dtype)


@formats
@few
@given(matrix=matrices())
def test_storage_counts_the_bytes_that_are_there(fmt: Format, matrix: tuple[Array, int]) -> None:
    packed = fmt.pack(fitted(fmt, matrix[0]), matrix[1])
    assert packed.storage_bytes == sum(len(a.tobytes()) for a in packed.arrays.values())
    assert {array.dtype for array in packed.arrays.values()} == {np.dtype(np.uint8)}


@formats
@few
@given(matrix=matrices())
def test_pack_leaves_the_weights_as_they_were(fmt: Format, matrix: tuple[Array, int]) -> None:
    weights = fitted(fmt, matrix[0])
    before = weights.tobytes()
    fmt.pack(weights, matrix[1])
    assert weights.tobytes() == before


# Of integers that are multiplied: wider ones are stored only, such as biases.
MULTIPLIED = tuple(width for width in WIDTHS if width[1] <= 16)


@formats
@few
@given(
    matrix=matrices(MULTIPLIED),
    positions=st.integers(1, 4),
    x_type=st.sampled_from([("int8", 8), ("uint8", 8), ("int16", 16)]),
    seed=st.integers(0, 1 << 32),
)
def test_matmul_is_the_wrapped_product(
    fmt: Format, matrix: tuple[Array, int], positions: int, x_type: tuple[str, int], seed: int
) -> None:
    weights, bits = fitted(fmt, matrix[0]), matrix[1]
    x = filled(np.random.default_rng(seed), (positions, weights.shape[1]), *x_type)
    got = fmt.bind(fmt.pack(weights, bits))(x)
    assert got.dtype == np.int32
    np.testing.assert_array_equal(got, twin(weights, x))
    # The same product from every format: a device may choose where speed is all that differs.
    np.testing.assert_array_equal(got, Dense().bind(Dense().pack(weights, bits))(x))


@formats
def test_sums_beyond_32_bits_wrap(fmt: Format) -> None:
    if isinstance(fmt, Signs):
        pytest.skip("sums of signs do not reach 32 bits")
    weights = fitted(fmt, np.full((2, 40), -32768, np.int16))
    x = np.full((1, 40), -32768, np.int16)
    count = int(np.count_nonzero(weights[0]))
    assert count << 30 >= 1 << 31
    wrapped = ((count << 30) + (1 << 31)) % (1 << 32) - (1 << 31)
    assert fmt.bind(fmt.pack(weights, 16))(x).tolist() == [[wrapped, wrapped]]


@formats
def test_matmul_takes_activations_that_are_a_view(fmt: Format) -> None:
    rng = np.random.default_rng(0)
    weights = fitted(fmt, filled(rng, (3, 9), "int8", 8))
    x = filled(rng, (18, 4), "int8", 8)[::2].T
    np.testing.assert_array_equal(fmt.bind(fmt.pack(weights, 8))(x), twin(weights, x))


@pytest.mark.parametrize("fmt", [f for f in ALL if isinstance(f, NM)], ids=lambda f: f.name)
@given(matrix=matrices())
def test_groups_fit_or_are_refused(fmt: NM, matrix: tuple[Array, int]) -> None:
    weights, bits = matrix
    if np.array_equal(fitted(fmt, weights), weights):
        fmt.pack(weights, bits)
    else:
        with pytest.raises(FormatError, match=r"hold \d+ non-zeros; prune\{structure="):
            fmt.pack(weights, bits)


@formats
def test_a_kernel_walks_what_is_stored(fmt: Format) -> None:
    weights = fitted(fmt, filled(np.random.default_rng(1), (5, 21), "int8", 8))
    packed = fmt.pack(weights, 8)
    stored = fmt.stored_per_row(packed)
    assert stored.shape == (5,)
    if fmt.name in DENSELY_CODED:
        assert (stored == 21).all()
    elif isinstance(fmt, Relative):
        # What is coded is what lies there plainly, a byte each.
        assert stored.sum() == Relative(fmt.index_bits).pack(weights, 8).arrays["values"].nbytes
    elif isinstance(fmt, Rle):
        # Pairs fill words, but for up to two of the last one.
        words = packed.storage_bytes // -(-(3 * (fmt.run_bits + 8) + 1) // 8)
        assert 3 * words - 2 <= stored.sum() <= 3 * words
    else:
        assert stored.sum() == packed.arrays["values"].nbytes
    assert (stored >= np.count_nonzero(weights, axis=1)).all()


@formats
@few
@given(issued=st.integers(0, 10**6), lanes=st.integers(1, 64))
def test_lanes_read_at_most_one_group_per_weight(fmt: Format, issued: int, lanes: int) -> None:
    widest = fmt.m if isinstance(fmt, NM) else 1
    assert 0 <= fmt.activation_reads(issued, lanes) <= issued * widest
    assert fmt.activation_reads(issued, 1) >= issued


@formats
def test_every_format_is_found_by_its_name(fmt: Format) -> None:
    assert find_format(fmt.name) == fmt


def test_names_are_unique() -> None:
    assert len({fmt.name for fmt in ALL}) == len(ALL)
