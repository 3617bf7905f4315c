"""One level of LRU, way by way: what runs where no vectors are emitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import IntArray


@kernel
def walk_level(
    events: IntArray, entries: IntArray, ways: int, refreshes: bool, shift: int, out: IntArray,
    totals: IntArray,
) -> None:  # fmt: skip
    """Put events through a level.

    Args:
        events: [n] int64, line number times two, plus one where it is written.
        entries: [sets, at least ways] as in `CacheState`, updated.
        ways: Lines of a set.
        refreshes: Whether a write that hits makes its line the most recent.
        shift: How many bits the line numbers of the next level are shorter.
        out: [at least 2 n] int64, overwritten: each miss reads its line, then writes back the
            line that it pushed out, if that is dirty.
        totals: [4] int64, to which misses, misses of writes, write-backs and events sent are added.
    """
    sets = entries.shape[0]
    sent = 0
    for at in range(events.shape[0]):
        event = events[at]
        row = entries[(event >> 1) % sets]
        place = 0
        while place < ways and row[place] | 1 != event | 1:
            place += 1
        entering = event
        if place < ways:
            entering |= row[place] & 1
            if event & 1 and not refreshes:
                row[place] = entering
                continue
        else:
            place = ways - 1
            victim = row[place]
            out[sent] = (event >> 1 >> shift) << 1
            sent += 1
            totals[0] += 1
            totals[1] += event & 1
            if victim & 1:
                out[sent] = ((victim >> 1 >> shift) << 1) | 1
                sent += 1
                totals[2] += 1
        for way in range(place, 0, -1):
            row[way] = row[way - 1]
        row[0] = entering
    totals[3] += sent
