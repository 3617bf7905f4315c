"""What a simulation reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hwsim.cache.state import CacheState


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelCounts:
    """Line accesses that reached one level; one that straddles n lines counts n times.

    Attributes:
        name: Of the level.
        reads: Lines read: by the program in the first level, by misses of the level before in
            the others.
        read_misses: Those not there.
        writes: Lines written: by the program in the first level, by write-backs of the level
            before in the others.
        write_misses: Those not there; each fetches its line first.
        write_backs: Dirty lines pushed out, each a write to the next level.
    """

    name: str
    reads: int
    read_misses: int
    writes: int
    write_misses: int
    write_backs: int

    @property
    def accesses(self) -> int:
        """Lines read and written."""
        return self.reads + self.writes

    @property
    def misses(self) -> int:
        """Lines fetched from the next level."""
        return self.read_misses + self.write_misses

    @property
    def hits(self) -> int:
        """Accesses that fetched nothing."""
        return self.accesses - self.misses


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """The outcome of a stream of accesses.

    Attributes:
        levels: Counts of this stream alone, nearest level first.
        state: What the caches hold afterwards; give it to the next call to go on.
    """

    levels: tuple[LevelCounts, ...]
    state: CacheState
