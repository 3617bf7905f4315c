"""How wide the sums of products are, and what becomes of those that are wider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Overflow: TypeAlias = Literal["wrap", "saturate"]
"""Whether a sum beyond the accumulator loses its upper bits or stays at the nearest end."""

NARROWEST, WIDEST = 8, 64
"""Bits of an accumulator."""

# No sum of products of 8-bit codes gets here: int64 holds what is beyond, and a product more.
_REACHED_BITS = 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Accumulator:
    """The register that products of 8-bit codes are summed in.

    Attributes:
        bits: Width, two's complement, `NARROWEST`..`WIDEST`.
        overflow: What becomes of a sum that is wider, after every addition.
        saturates_pairs: Whether products are added in pairs of neighbours first, of an unsigned
            and a signed byte each, in 16 bits that saturate (x86's `pmaddubsw`: AVX2 and AVX-512
            without VNNI).
    """

    bits: int = 32
    overflow: Overflow = "wrap"
    saturates_pairs: bool = False

    @property
    def is_default(self) -> bool:
        """Whether this is the int32 that wraps, which nearly all runtimes have."""
        return self == Accumulator()

    @property
    def low(self) -> int:
        """The smallest sum."""
        return -(1 << (min(self.bits, _REACHED_BITS) - 1))

    @property
    def high(self) -> int:
        """The largest sum."""
        return (1 << (min(self.bits, _REACHED_BITS) - 1)) - 1

    def __str__(self) -> str:
        """Return it in words: `16 bits that saturate`."""
        pairs = ", pairs in 16 bits" if self.saturates_pairs else ""
        return f"{self.bits} bits that {self.overflow}{pairs}"
