"""Patterns spread over words so that no vector of lanes crosses two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.sparsity.lanes import check_width, low_bits
from hwsim.sparsity.pattern import WORD_BITS, pack

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Vectors of `width` lanes of rows of `k`, as fields of words; bits left over are 0.

    Attributes:
        width: Lanes of a vector, 1..64.
        k: Values of a row.
    """

    width: int
    k: int

    def __post_init__(self) -> None:
        """Raise DataError where the width is none."""
        check_width(self.width)

    @property
    def per_word(self) -> int:
        """Vectors of a word."""
        return WORD_BITS // self.width

    @property
    def steps(self) -> tuple[int, int, int]:
        """All bits of each field but the highest, the highest, and the width.

        A field plus all ones but the highest carries into its highest bit unless it is zero or has
        that bit itself, and never beyond: so all vectors of a word are tested at once.
        """
        high = sum(1 << at for at in range(self.width - 1, WORD_BITS, self.width))
        return low_bits(self.width), high, self.width

    @property
    def valid(self) -> IntArray:
        """[words of a row] uint64, ones where there is a value."""
        return spread(np.ones((1, self.k), np.bool_), self)[0]


def spread(mask: Array, fields: Fields) -> IntArray:
    """Return [rows, words of a row] uint64: vector v is field v % `per_word` of its word.

    Args:
        mask: [rows, fields.k] of any numbers or truth values.
        fields: How wide vectors are.

    Raises:
        DataError: See `pack`.
    """
    if WORD_BITS % fields.width == 0:
        return pack(mask).words
    rows, taken = len(mask), fields.per_word * fields.width
    words = -(-fields.k // taken)
    values = np.zeros((rows, words * taken), np.bool_)
    values[:, : fields.k] = mask != 0
    padded = np.zeros((rows, words, WORD_BITS), np.bool_)
    padded[:, :, :taken] = values.reshape(rows, words, taken)
    return pack(padded.reshape(rows, words * WORD_BITS)).words
