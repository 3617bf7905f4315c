"""Sums of a few powers of two: levels finer near zero, and not bare of any at the ends."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from compressors.quantization.schemes._levels import nearest_level, quant_of_levels

if TYPE_CHECKING:
    from compressors.quantization.schemes._scales import Clip, Granularity
    from hwsim.arrays import FloatArray, IntArray
    from hwsim.numerics import Quant

APOT_BITS = (3, 8)
"""Fewest and most bits; of 2 the scheme is no sum."""

_NARROW_BITS = 6
"""Indices of so many bits have codes of at most 100, which 8 bits hold; of 8 bits, up to 904."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apot:
    """Additive powers of two (Li et al., arXiv 1909.13144, section 2.2), base of 2 bits.

    One bit is the sign; m = bits - 1 give the magnitude, gamma times a sum of n = floor(m / 2)
    terms: of even m, term i is one of 0, 2^-i, 2^-(i + n), 2^-(i + 2n); of odd m, one of 0, 2^-i,
    2^-(i + n), 2^-(i + 2n + 1), and one more term is 0 or 2^-2n. Codes count the smallest power: of
    3 bits the magnitudes are 0 1 2 4, of 4 bits 0 1 2 3 4 6 8 10, of 5 bits 0..48. Weights become
    the nearest level, ties the larger one.

    Attributes:
        index_bits: Bits of an index of levels: 3..8.
        granularity: One gamma per filter, or per tensor.
        clip: Whether the largest level is max |w|, or of least squared error.
        power_of_two_scales: Whether gammas are powers of two.
    """

    name: ClassVar[str] = "apot"
    storage: ClassVar[str] = "codebook"
    index_bits: int = 4
    granularity: Granularity = "channel"
    clip: Clip = "max"
    power_of_two_scales: bool = False

    @property
    def bits(self) -> int:
        """See `Scheme.bits`."""
        return 8 if self.index_bits <= _NARROW_BITS else 16

    def levels(self) -> IntArray:
        """See `Scheme.levels`."""
        magnitude_bits = self.index_bits - 1
        n = magnitude_bits // 2
        # Of each term, the exponents of 1/2 that it may have.
        if magnitude_bits % 2:
            terms = [(i, i + n, i + 2 * n + 1) for i in range(n)] + [(2 * n,)]
        else:
            terms = [(i, i + n, i + 2 * n) for i in range(n)]
        last = max(max(term) for term in terms)
        choices = [(0, *(1 << last - exponent for exponent in term)) for term in terms]
        sums = np.array(sorted({sum(chosen) for chosen in product(*choices)}), np.int64)
        return np.concatenate([-sums[:0:-1], sums])

    def quant(self, real: FloatArray) -> Quant:
        """See `Scheme.quant`."""
        return quant_of_levels(self, real)

    def codes(self, real: FloatArray, quant: Quant) -> IntArray:
        """See `Scheme.codes`."""
        return nearest_level(self.levels(), real, quant)
