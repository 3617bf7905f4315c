"""Put blocks of events through all levels of a hierarchy.

Without inclusion or exclusion, a level sees nothing but what the level before sends: its misses,
in order, and behind each the dirty line that it pushed out. So each level takes a whole block
before the next one starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from hwsim.cache._lru import walk_level
from hwsim.cache._rooms import room
from hwsim.cache._streams import BLOCK
from hwsim.cache._vector import TOTALS, Form, level_address
from hwsim.cache.counts import LevelCounts, Traffic
from hwsim.cache.state import CacheState
from hwsim.jit import IS_COMPILED, call_address, kernel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hwsim.arrays import IntArray

Block: TypeAlias = "tuple[IntArray, int]"
"""Events, and a number that none of them exceeds."""

_MOST_NARROW: Final = (1 << 31) - 1
"""Sets of 32-bit numbers take half the room, and less time."""

_MOST_LANES: Final = 32
"""Sets of more ways are searched way by way: a vector of them fits no registers."""


def walk(state: CacheState, blocks: Iterable[Block], has_writes: bool) -> Traffic:
    """Return what becomes of blocks of events, and of the caches; `state` stays as it is.

    Args:
        state: Before.
        blocks: Events are [n] int64, n at most `BLOCK`; whoever yields the next overwrites them.
        has_writes: Whether an event may be a write.
    """
    hierarchy = _Hierarchy(state, has_writes)
    reads = writes = 0
    for events, highest in blocks:
        if highest > _MOST_NARROW:
            hierarchy.widen()
        written = int(np.sum(events & 1)) if has_writes else 0
        reads, writes = reads + len(events) - written, writes + written
        hierarchy.push(0, events)
    counts: list[LevelCounts] = []
    for level, total in zip(state.levels, hierarchy.totals.tolist(), strict=True):
        misses, write_misses, write_backs, _ = total
        counts.append(
            LevelCounts(
                name=level.name,
                reads=reads,
                read_misses=misses - write_misses,
                writes=writes,
                write_misses=write_misses,
                write_backs=write_backs,
            )
        )
        reads, writes = misses, write_backs
    return Traffic(levels=tuple(counts), state=hierarchy.after())


class _Hierarchy:
    """The levels while a stream runs; it changes copies of what a state holds."""

    def __init__(self, state: CacheState, has_writes: bool) -> None:
        self._is_clean = state.is_clean and not has_writes
        self._levels = state.levels
        self._entries = tuple(entries.copy() for entries in state.entries)
        self._room = [room(1 + at, 2 * BLOCK + 2) for at in range(len(state.levels))]
        self.totals = np.zeros((len(state.levels), TOTALS), np.int64)
        self._addresses = self._find_addresses()

    def widen(self) -> None:
        """Make room for any event."""
        if self._entries[0].dtype != np.int64:
            self._entries = tuple(entries.astype(np.int64) for entries in self._entries)
            self._addresses = self._find_addresses()

    def _find_addresses(self) -> list[int]:
        """Return what runs each level, 0 where no vectors are emitted."""
        return [
            level_address(
                Form(
                    ways=level.ways,
                    is_mask=level.sets & (level.sets - 1) == 0,
                    has_writes=not self._is_clean,
                    refreshes=level.refreshes_on_write,
                    entry_bits=8 * entries.itemsize,
                )
            )
            if IS_COMPILED and level.ways <= _MOST_LANES
            else 0
            for level, entries in zip(self._levels, self._entries, strict=True)
        ]

    def push(self, at: int, events: IntArray) -> None:
        """Put events through level `at` and all behind it."""
        level, room, totals = self._levels[at], self._room[at], self.totals[at]
        is_last = at + 1 == len(self._levels)
        shift = 0 if is_last else self._levels[at + 1].line_bits - level.line_bits
        for start in range(0, len(events), BLOCK):
            block = events[start : start + BLOCK]
            before = int(totals[3])
            if self._addresses[at]:
                _call(self._addresses[at], block, self._entries[at], room, totals, shift)
            else:
                refreshes = level.refreshes_on_write
                walk_level(block, self._entries[at], level.ways, refreshes, shift, room, totals)
            sent = int(totals[3]) - before
            if sent and not is_last:
                self.push(at + 1, room[:sent])

    def after(self) -> CacheState:
        return CacheState(levels=self._levels, entries=self._entries, is_clean=self._is_clean)


@kernel
def _call(
    address: int, events: IntArray, entries: IntArray, out: IntArray, totals: IntArray, shift: int
) -> None:
    call_address(
        address,
        events.shape[0],
        events.ctypes.data,
        entries.ctypes.data,
        out.ctypes.data,
        totals.ctypes.data,
        entries.shape[0],
        shift,
        0,
        0,
        0,
    )
