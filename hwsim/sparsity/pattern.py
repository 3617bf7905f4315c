"""Where a matrix is not zero, as bits: 64 of them per word, which kernels count at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from hwsim.errors import DataError
from hwsim.jit import count_ones, kernel

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray, Shape

WORD_BITS = 64
"""Bits of a word."""

_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pattern:
    """The non-zeros of a matrix [rows, k].

    Attributes:
        k: Columns.
        words: [rows, ceil(k / 64)] uint64; column c is bit c % 64 of word c // 64, and bits behind
            the last column are 0.
    """

    k: int
    words: IntArray

    @property
    def shape(self) -> Shape:
        """Rows and columns."""
        return len(self.words), self.k

    @property
    def per_row(self) -> IntArray:
        """[rows] int64, non-zeros of each row."""
        return np.bitwise_count(self.words).sum(axis=1, dtype=np.int64)

    @property
    def nonzeros(self) -> int:
        """How many there are."""
        return int(np.bitwise_count(self.words).sum(dtype=np.int64))

    @property
    def columns(self) -> IntArray:
        """[non-zeros] int32, the column of each, row by row: what a CSR matrix gathers."""
        count = self.nonzeros
        found = np.empty(count + _AT_ONCE - 1, np.int32)
        _columns(self.words, found)
        return found[:count]


Mask: TypeAlias = "Array | Pattern"
"""A matrix [rows, k] of any numbers or truth values, or its pattern, where that is at hand."""


def pack(mask: Mask) -> Pattern:
    """Return where `mask` is not zero; a pattern is returned as it is.

    Codes with a zero point are compared with 0 too: centre them first (`Weight.centred`).

    Raises:
        DataError: It has not two axes, or holds what is no number.
    """
    if isinstance(mask, Pattern):
        return mask
    if mask.ndim != 2 or mask.dtype.kind not in "biuf":
        raise DataError(
            f"mask: expected numbers [rows, k], got {mask.dtype} {list(mask.shape)}; "
            "reshape it to two axes"
        )
    rows, k = mask.shape
    bits = mask if mask.dtype.kind != "f" else mask != 0
    packed = np.ascontiguousarray(np.packbits(bits, axis=1, bitorder="little"))
    if packed.shape[1] % 8:
        padded = np.zeros((rows, -(-k // WORD_BITS) * 8), np.uint8)
        padded[:, : packed.shape[1]] = packed
        packed = padded
    words = packed.view("<u8").astype(np.uint64, copy=False) if k else np.zeros((rows, 0), "u8")
    return Pattern(k=k, words=words)


@kernel
def _columns(words: IntArray, out: IntArray) -> None:
    """Set `out` to the columns of all bits.

    Args:
        words: [rows, words of a row] uint64.
        out: [bits that are 1, and 3 more] int32, overwritten.
    """
    one, stop = np.uint64(1), 0
    for row in range(words.shape[0]):
        for word in range(words.shape[1]):
            left, at = words[row, word], stop
            stop += np.int64(count_ones(left))
            # Four at a time, and those too many are overwritten: fewer branches are mispredicted.
            while at < stop:
                for lane in range(_AT_ONCE):
                    # Zeros below the lowest bit: its place.
                    below = left - one if left != 0 else left
                    out[at + lane] = 64 * word + np.int64(count_ones(~left & below))
                    left &= below
                at += _AT_ONCE
