"""The obvious twin: a dictionary per set in order of use, level calling level."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from hwsim.cache import CacheLevel, LevelCounts


class OrderedCache:
    """One level; `behind` is the next, or None for memory."""

    def __init__(self, level: CacheLevel, behind: OrderedCache | None) -> None:
        self.level, self.behind = level, behind
        # Line number to whether it is dirty, least recent first.
        self.sets: list[OrderedDict[int, bool]] = [OrderedDict() for _ in range(level.sets)]
        self.reads = self.read_misses = self.writes = self.write_misses = self.write_backs = 0

    def access(self, address: int, size: int, is_write: bool) -> None:
        first = address // self.level.line_bytes
        last = (address + size - 1) // self.level.line_bytes
        for line in range(first, last + 1):
            self.touch(line, is_write)

    def touch(self, line: int, is_write: bool) -> None:
        lines = self.sets[line % self.level.sets]
        is_miss = line not in lines
        if is_write:
            self.writes += 1
            self.write_misses += is_miss
        else:
            self.reads += 1
            self.read_misses += is_miss
        if is_miss:
            self.fetch(line, lines)
        elif self.level.refreshes_on_write or not is_write:
            lines.move_to_end(line)
        lines[line] |= is_write

    def fetch(self, line: int, lines: OrderedDict[int, bool]) -> None:
        size = self.level.line_bytes
        if self.behind:
            self.behind.access(line * size, size, is_write=False)
        if len(lines) == self.level.ways:
            victim, is_dirty = lines.popitem(last=False)
            self.write_backs += is_dirty
            if is_dirty and self.behind:
                self.behind.access(victim * size, size, is_write=True)
        lines[line] = False

    def counts(self) -> LevelCounts:
        return LevelCounts(
            name=self.level.name,
            reads=self.reads,
            read_misses=self.read_misses,
            writes=self.writes,
            write_misses=self.write_misses,
            write_backs=self.write_backs,
        )

    def lines(self) -> list[list[int]]:
        return [list(reversed(lines)) for lines in self.sets]


def hierarchy(levels: Sequence[CacheLevel]) -> list[OrderedCache]:
    """Return cold caches, nearest first."""
    caches: list[OrderedCache] = []
    for level in reversed(levels):
        caches.insert(0, OrderedCache(level, caches[0] if caches else None))
    return caches


def run(caches: Sequence[OrderedCache], accesses: Iterable[tuple[int, int, bool]]) -> None:
    for access in accesses:
        caches[0].access(*access)
