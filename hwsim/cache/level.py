"""The geometry of one cache."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from hwsim.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Addresses end there.
_MOST = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLevel:
    """One set-associative, write-back, write-allocate cache with exact LRU replacement.

    A line lies in set `line number % sets`; the number of sets need not be a power of two.

    Attributes:
        name: As reports show it.
        size_bytes: Capacity, a multiple of `line_bytes * ways`.
        line_bytes: Bytes of a line, a power of two.
        ways: Lines of a set; 1 is direct-mapped, `size_bytes // line_bytes` fully associative.
        refreshes_on_write: Whether a write that hits makes its line the most recent one, as in
            hardware and cachegrind; pycachesim leaves the order as it is.
    """

    name: str
    size_bytes: int
    line_bytes: int
    ways: int
    refreshes_on_write: bool = True

    def __post_init__(self) -> None:
        """Raise ProfileError where the extents make no cache."""
        for field in ("size_bytes", "line_bytes", "ways"):
            value = getattr(self, field)
            if type(value) is not int or value < 1:
                raise ProfileError(
                    f"{self.name}: {field}: expected an int of 1 or more, got {value!r}"
                )
            if value > _MOST:
                raise ProfileError(f"{self.name}: {field}: expected at most 2^62, got {value}")
        if self.line_bytes & (self.line_bytes - 1):
            raise ProfileError(
                f"{self.name}: line_bytes: expected a power of two, got {self.line_bytes}"
            )
        way_bytes = self.line_bytes * self.ways
        if self.size_bytes % way_bytes:
            raise ProfileError(
                f"{self.name}: size_bytes: expected a multiple of line_bytes * ways = {way_bytes}, "
                f"got {self.size_bytes}"
            )

    @property
    def sets(self) -> int:
        """Number of sets."""
        return self.size_bytes // (self.line_bytes * self.ways)

    @property
    def line_bits(self) -> int:
        """How many low bits of an address name a byte within its line."""
        return self.line_bytes.bit_length() - 1


def check_levels(levels: Sequence[CacheLevel]) -> None:
    """Raise ProfileError unless there is a level, and lines never shrink on the way to memory."""
    if not levels:
        raise ProfileError("cache levels: expected at least one, got none")
    for near, far in pairwise(levels):
        if far.line_bytes < near.line_bytes:
            raise ProfileError(
                f"{far.name}: line_bytes: expected at least the {near.line_bytes} of {near.name}, "
                f"got {far.line_bytes}"
            )
