"""Products of signs: 64 of them by one exclusive or and one count of bits.

With +1 as the bit 1 and -1 as the bit 0, two signs that agree contribute +1 and two that differ
-1: a . w = K - 2 popcount(a xor w) = 2 popcount(a xnor w) - K over K signs (Rastegari et al.,
XNOR-Net, arXiv 1603.05279, section 3.2). Around an image there is nothing to multiply: a second
bit per activation says whether it counts, and K is how many do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hwsim.jit import count_ones, kernel

if TYPE_CHECKING:
    from hwsim.arrays import IntArray

WORD_BITS: Final = 64


def packed_words(bits: IntArray) -> IntArray:
    """Return bits [rows, columns] as uint64 [rows, words], the first one lowest, zeros behind.

    Args:
        bits: Of bool, or counted as 1 where not 0.
    """
    rows, columns = bits.shape
    words = -(-columns // WORD_BITS)
    as_bytes = np.zeros((rows, words * WORD_BITS // 8), np.uint8)
    packed = np.packbits(bits, axis=1, bitorder="little")
    as_bytes[:, : packed.shape[1]] = packed
    return as_bytes.view("<u8")


@kernel
def signs_matmul(signs: IntArray, weights: IntArray, columns: int, out: IntArray) -> None:
    """Set out[p, m] to the product of signs, all of which count.

    Args:
        signs: uint64 [p, words], zeros behind the columns.
        weights: uint64 [m, words], likewise.
        columns: How many signs a row holds.
        out: [p, m] int32, overwritten.
    """
    for p in range(signs.shape[0]):
        for m in range(weights.shape[0]):
            differing = np.int64(0)
            for word in range(signs.shape[1]):
                differing += np.int64(count_ones(signs[p, word] ^ weights[m, word]))
            out[p, m] = columns - 2 * differing


@kernel
def masked_signs_matmul(
    signs: IntArray, counted: IntArray, weights: IntArray, out: IntArray
) -> None:
    """Set out[p, m] to the product of those signs that count.

    Args:
        signs: uint64 [p, words].
        counted: uint64 [p, words]: a 1 where a sign counts, zeros behind the columns.
        weights: uint64 [m, words].
        out: [p, m] int32, overwritten.
    """
    for p in range(signs.shape[0]):
        total = np.int64(0)
        for word in range(counted.shape[1]):
            total += np.int64(count_ones(counted[p, word]))
        for m in range(weights.shape[0]):
            differing = np.int64(0)
            for word in range(signs.shape[1]):
                unlike = (signs[p, word] ^ weights[m, word]) & counted[p, word]
                differing += np.int64(count_ones(unlike))
            out[p, m] = total - 2 * differing
