"""Canonical Huffman codes: from how often values occur to bytes, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.errors import FormatError
from hwsim.formats._bits import (
    bytes_of,
    index_bits,
    pack_unsigned,
    pack_values,
    unpack_unsigned,
    unpack_values,
)
from hwsim.kernels.prefix_code import read_codes, write_codes

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.formats._distinct import Distinct

LONGEST_CODE = 32
"""Most bits of a code, so that a decoder holds one in a register."""


def code_lengths(counts: IntArray, longest: int = LONGEST_CODE) -> IntArray:
    """Return the bits of each symbol's code: int64 [k], the fewest in total of all prefix codes.

    By package-merge (Larmore and Hirschberg, JACM 37, 1990), which is Huffman's code wherever that
    has no code above `longest` bits. A single symbol needs none.

    Args:
        counts: [k] how often each symbol occurs, at least once; k <= 2^longest.
        longest: Most bits of a code.
    """
    order = np.argsort(counts, kind="stable")
    leaves = counts[order].astype(np.int64)
    merged, levels = leaves, [np.ones(leaves.size, bool)]
    for _ in range(longest - 1):
        pairs = merged[:-1:2] + merged[1::2]
        both = np.concatenate((leaves, pairs))
        lightest_first = np.argsort(both, kind="stable")
        merged = both[lightest_first]
        levels.append(lightest_first < leaves.size)
    # A leaf is a code one bit longer; a package is two entries of the level before.
    lengths, taken = np.zeros(leaves.size, np.int64), max(0, 2 * leaves.size - 2)
    for is_leaf in reversed(levels):
        lightest = int(is_leaf[:taken].sum())
        lengths[order[:lightest]] += 1
        taken = 2 * (taken - lightest)
    return lengths


def canonical_codes(lengths: IntArray) -> IntArray:
    """Return the codes of symbols whose `lengths` [k] ascend: int64 [k], counting upwards."""
    codes = np.zeros(lengths.size, np.int64)
    # A code of n bits fills 2^(longest - n) of the numbers of the longest.
    longest = int(lengths[-1])
    room = np.int64(1) << (longest - lengths)
    codes[1:] = np.cumsum(room)[:-1]
    return codes >> (longest - lengths)


def pack_coded(distinct: Distinct, bits: int) -> dict[str, IntArray]:
    """Return `table` in the order of the codes, `lengths` as codes per length, and `stream`.

    The first byte of `lengths` says how many bytes a count takes.
    """
    lengths = code_lengths(distinct.counts)
    order = np.lexsort((np.arange(lengths.size), lengths))
    ascending = lengths[order]
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    per_length = np.bincount(ascending)[1:]
    stream = np.zeros(bytes_of(int((distinct.counts * lengths).sum()), 1), np.uint8)
    if per_length.size:
        write_codes(rank[distinct.indices], canonical_codes(ascending), ascending, stream)
    width = index_bits(int(per_length.max(initial=0)))
    return {
        "table": pack_values(distinct.values[order], bits),
        "lengths": np.concatenate(
            (np.array([width // 8], np.uint8), pack_unsigned(per_length, width))
        ),
        "stream": stream,
    }


def unpack_coded(arrays: dict[str, IntArray], dtype: np.dtype[Any], bits: int, count: int) -> Array:
    """Invert `pack_coded`: return `count` values of `dtype`.

    Raises:
        FormatError: The bytes are none that `pack_coded` makes of that many values.
    """
    per_length, stream = _per_length(arrays["lengths"]), arrays["stream"]
    size = int(per_length.sum()) or min(1, count)
    table = unpack_values(arrays["table"], dtype, bits, size)
    if not per_length.size:
        if stream.size:
            raise FormatError(f"one value needs no code, got {stream.size} bytes of codes")
        return np.repeat(table, count)
    if not count <= 8 * stream.size:
        raise FormatError(f"{count} codes take a bit each at least, got {stream.size} bytes")
    symbols = np.empty(count, np.int64)
    read = read_codes(np.ascontiguousarray(stream), per_length, symbols)
    if read < 0 or bytes_of(read, 1) != stream.size:
        raise FormatError(f"the {stream.size} bytes of codes are not those of {count} values")
    return table[symbols]


def _per_length(packed: IntArray) -> IntArray:
    """Return how many codes there are of 1, 2, ... bits, which fill a binary tree exactly."""
    width = 8 * int(packed[0]) if packed.size else 0
    if width not in (8, 16, 32):
        raise FormatError(f"counts of codes take 1, 2 or 4 bytes, got {width // 8}")
    counts = unpack_unsigned(packed[1:], width, (packed.size - 1) // (width // 8))
    if not counts.size:
        return counts
    room = 1 << np.arange(LONGEST_CODE)[::-1]
    if counts.size > LONGEST_CODE or int(counts @ room[: counts.size]) != 1 << LONGEST_CODE:
        raise FormatError(f"codes of lengths {counts.tolist()} are no complete prefix code")
    return counts
