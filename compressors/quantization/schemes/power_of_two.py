"""Zero, and powers of two of one number with both signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from compressors.quantization.schemes._levels import nearest_level, quant_of_levels

if TYPE_CHECKING:
    from compressors.quantization.schemes._scales import Clip, Granularity
    from hwsim.arrays import FloatArray, IntArray
    from hwsim.numerics import Quant

POWER_OF_TWO_BITS = (2, 5)
"""Fewest and most bits: of 6 bits the largest code would be 2^30."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerOfTwo:
    """Levels alpha {0, +-2^(2 - 2^(bits - 1)), ..., +-1/2, +-1}: 2^bits - 1 of them.

    Equation 3 of Li et al., arXiv 1909.13144, has one power more, 2^bits + 1 levels, for which
    that many bits have no index.
    A product by such a weight is a shift (Zhou et al., INQ, arXiv 1702.03044; Miyashita et al.,
    arXiv 1603.01025). The smallest level is code 1, the largest 2^(2^(bits - 1) - 2): 1 of 2 bits,
    4 of 3, 64 of 4, 16384 of 5, whose codes are integers of 16 bits. Weights become the nearest
    level, ties the larger one.

    Attributes:
        index_bits: Bits of an index of levels: 2..5.
        granularity: One alpha per filter, or per tensor.
        clip: Whether alpha is max |w|, or of least squared error.
        power_of_two_scales: Whether alphas are powers of two too.
    """

    name: ClassVar[str] = "power_of_two"
    storage: ClassVar[str] = "codebook"
    index_bits: int = 4
    granularity: Granularity = "channel"
    clip: Clip = "max"
    power_of_two_scales: bool = False

    @property
    def bits(self) -> int:
        """See `Scheme.bits`."""
        return 8 if self.index_bits <= 4 else 16

    def levels(self) -> IntArray:
        """See `Scheme.levels`."""
        powers = 1 << np.arange((1 << (self.index_bits - 1)) - 1, dtype=np.int64)
        return np.concatenate([-powers[::-1], [0], powers])

    def quant(self, real: FloatArray) -> Quant:
        """See `Scheme.quant`."""
        return quant_of_levels(self, real)

    def codes(self, real: FloatArray, quant: Quant) -> IntArray:
        """See `Scheme.codes`."""
        return nearest_level(self.levels(), real, quant)
