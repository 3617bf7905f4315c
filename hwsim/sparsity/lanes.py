"""How many vectors of lanes are issued where a vector is skipped only if all its lanes are zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from hwsim.errors import DataError
from hwsim.jit import count_ones, kernel
from hwsim.sparsity.pattern import WORD_BITS, pack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.arrays import IntArray
    from hwsim.sparsity.pattern import Mask

Axis: TypeAlias = Literal["k", "m"]
"""Where the lanes of a vector lie: along the weights of one output, or across output channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneCounts:
    """Vectors of one width over a pattern.

    Attributes:
        width: Lanes of a vector.
        vectors: All of them; the last of a row (or of the rows) may have lanes left over.
        issued: Those with a non-zero lane.
        nonzeros: Effective multiply-accumulates: lanes that are not zero.
    """

    width: int
    vectors: int
    issued: int
    nonzeros: int

    @property
    def skipped(self) -> int:
        """Vectors that take no slot."""
        return self.vectors - self.issued

    @property
    def slots(self) -> int:
        """Multiply-accumulates that the issued vectors could have done."""
        return self.issued * self.width

    @property
    def utilisation(self) -> float:
        """Share of those that are effective, 0..1; 1 where nothing is issued."""
        return self.nonzeros / self.slots if self.slots else 1.0


def lanes(mask: Mask, widths: Sequence[int], axis: Axis = "k") -> tuple[LaneCounts, ...]:
    """Return what vectors of each width issue.

    Args:
        mask: [output channels, k]. Vectors start anew in each row: reshape it to [channels x taps,
            input channels] where they start anew in each tap.
        widths: Lanes, each 1..64.
        axis: `k`, lanes hold neighbours of one row; `m`, neighbours of one column.

    Raises:
        DataError: See `pack` and `issued_vectors`.
    """
    check_axis(axis)
    pattern = pack(mask)
    rows, k = pattern.shape
    nonzeros = pattern.nonzeros
    return tuple(
        LaneCounts(
            width=width,
            vectors=rows * -(-k // width) if axis == "k" else -(-rows // width) * k,
            issued=int(issued_vectors(pattern, width, axis).sum()),
            nonzeros=nonzeros,
        )
        for width in map(check_width, widths)
    )


def issued_vectors(mask: Mask, width: int, axis: Axis = "k") -> IntArray:
    """Return how many vectors are issued: the work of elements that take rows.

    Args:
        mask: [rows, k].
        width: Lanes, 1..64.
        axis: See `lanes`.

    Returns:
        int64 [rows] along `k`; [ceil(rows / width)] across `m`.

    Raises:
        DataError: See `pack`; also another width or axis.
    """
    pattern = pack(mask)
    rows = len(pattern.words)
    check_width(width)
    check_axis(axis)
    if axis == "k":
        issued = np.zeros(rows, np.int64)
        _along_k(pattern.words, pattern.k, width, low_bits(width), issued)
        return issued
    issued = np.zeros(-(-rows // width), np.int64)
    _across_m(pattern.words, width, issued)
    return issued


def low_bits(width: int) -> int:
    """Return a word whose whole fields of `width` bits are all ones but the highest one."""
    field = (1 << (width - 1)) - 1
    return sum(field << at for at in range(0, WORD_BITS - width + 1, width))


def check_width(width: int) -> int:
    """Return `width`; raise DataError unless it is an int of 1 to 64."""
    if type(width) is not int or not 1 <= width <= WORD_BITS:
        raise DataError(f"width: expected an int of 1 to {WORD_BITS}, got {width!r}")
    return width


def check_axis(axis: str) -> None:
    """Raise DataError unless `axis` is one of `Axis`."""
    if axis not in get_args(Axis):
        raise DataError(f"axis: expected {' or '.join(get_args(Axis))}, got {axis!r}")


@kernel
def _along_k(words: IntArray, k: int, width: int, low: int, issued: IntArray) -> None:
    """Set issued[r] to the fields of `width` bits of row r that are not all zero.

    A field plus all ones but the highest carries into its highest bit unless it is zero or has
    that bit itself, and never beyond.

    Args:
        words: [rows, words of a row] uint64.
        k: Bits of a row.
        width: 1..64.
        low: See `low_bits`; below 2^63.
        issued: [rows] int64, overwritten.
    """
    is_whole = 64 % width == 0
    rest = np.uint64(low)
    high = ~rest
    bits = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - width)
    for row in range(words.shape[0]):
        count = np.int64(0)
        if is_whole:
            for at in range(words.shape[1]):
                word = words[row, at]
                count += np.int64(count_ones((((word & rest) + rest) | word) & high))
        else:
            for first in range(0, k, width):
                at, shift = first >> 6, np.uint64(first & 63)
                field = words[row, at] >> shift
                if (first & 63) + width > 64 and at + 1 < words.shape[1]:
                    field |= words[row, at + 1] << (np.uint64(64) - shift)
                count += np.int64((field & bits) != np.uint64(0))
        issued[row] = count


@kernel
def _across_m(words: IntArray, width: int, issued: IntArray) -> None:
    """Set issued[g] to the columns in which one of the `width` rows of group g is not zero.

    Args:
        words: [rows, words of a row] uint64.
        width: Rows of a group; the last one may have fewer.
        issued: [groups] int64, overwritten.
    """
    rows, length = words.shape
    seen = np.zeros(length, np.uint64)
    for group in range(issued.shape[0]):
        seen[:] = np.uint64(0)
        for row in range(group * width, min(rows, (group + 1) * width)):
            for at in range(length):
                seen[at] |= words[row, at]
        count = np.int64(0)
        for at in range(length):
            count += np.int64(count_ones(seen[at]))
        issued[group] = count
