"""What the caches hold between two streams of accesses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hwsim.cache.level import check_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.arrays import IntArray
    from hwsim.cache.level import CacheLevel

EMPTY: Final = -2
"""The entry of a way that holds no line: equal to no line's, and clean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheState:
    """The lines of every level, in order of their last use; no function changes one.

    Attributes:
        levels: Nearest first.
        entries: Per level [sets, padded ways], most recent first: the line's number times two,
            plus one where it is dirty; `EMPTY` where there is none. All int32 until a line's does
            not fit, then all int64.
        is_clean: Whether nothing was ever written, so that no line can be dirty.
    """

    levels: tuple[CacheLevel, ...]
    entries: tuple[IntArray, ...]
    is_clean: bool

    @classmethod
    def empty(cls, levels: Sequence[CacheLevel]) -> CacheState:
        """Return cold caches; raise ProfileError where the levels do not fit together."""
        check_levels(levels)
        entries = tuple(
            np.full((level.sets, padded_ways(level.ways)), EMPTY, np.int32) for level in levels
        )
        return cls(levels=tuple(levels), entries=entries, is_clean=True)

    def lines(self, level: int) -> list[list[int]]:
        """Return the line numbers that a level holds, set by set, most recent first."""
        ways = self.levels[level].ways
        rows: list[list[int]] = self.entries[level][:, :ways].tolist()
        return [[entry >> 1 for entry in row if entry != EMPTY] for row in rows]


def padded_ways(ways: int) -> int:
    """Return how many lanes a set takes: what vectors of 8 numbers fill, or a power of two."""
    return -(-ways // 8) * 8 if ways > 8 else 1 << (ways - 1).bit_length()
