"""Caches hit, miss and write back as pycachesim's do, count for count."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import numpy as np
import pytest
from hypothesis import given

from hwsim.cache import CacheLevel, simulate, simulate_lines
from tests.oracle.pycachesim import simulator
from tests.unit.cache.streams import ACCESSES, hierarchies, level

pytestmark = pytest.mark.oracle

Access = tuple[int, int, bool]


def check(levels: list[CacheLevel], accesses: Iterable[Access]) -> None:
    accesses = list(accesses)
    peer = simulator(levels)
    for address, size, is_write in accesses:
        # A list, since a bare number is cut to 32 bits.
        (peer.store if is_write else peer.load)([address], length=size)
    addresses = np.array([address for address, _, _ in accesses], np.int64)
    sizes = np.array([size for _, size, _ in accesses], np.int64)
    writes = np.array([is_write for _, _, is_write in accesses], np.bool_)
    got = simulate(levels, addresses, sizes, writes=writes)
    for at, (mine, theirs) in enumerate(zip(got.levels, peer.levels(with_mem=False), strict=True)):
        counts = theirs.stats()
        # It counts no hits of writes, and counts an access to the first level once for all lines.
        assert mine.reads - mine.read_misses == counts["HIT_count"], mine.name
        assert mine.misses == counts["MISS_count"], mine.name
        assert mine.write_backs == counts["EVICT_count"], mine.name
        assert at == 0 or mine.writes == counts["STORE_count"], mine.name


@given(levels=hierarchies(refreshes=(False,)), accesses=ACCESSES)
def test_reads_and_writes(levels: list[CacheLevel], accesses: list[Access]) -> None:
    check(levels, accesses)


@given(levels=hierarchies(), accesses=ACCESSES)
def test_reads(levels: list[CacheLevel], accesses: list[Access]) -> None:
    check(levels, [(address, size, False) for address, size, _ in accesses])


@pytest.mark.parametrize(("ways", "sets"), [(1, 1), (2, 1), (3, 1), (1, 3)])
def test_all_short_streams(ways: int, sets: int) -> None:
    stale = False
    levels = [
        level(ways, sets, refreshes_on_write=stale),
        level(2, 2, 128, "L2", refreshes_on_write=stale),
    ]
    choices = [(line * 64, 1, is_write) for line in range(4) for is_write in (False, True)]
    for stream in product(choices, repeat=3):
        check(levels, [*stream, (0, 1, False), (64, 1, False)])


@pytest.mark.slow
@pytest.mark.parametrize("sets", [64, 60])
def test_long_streams(sets: int) -> None:
    rng = np.random.default_rng(sets)
    levels = [level(8, sets), level(16, 1024, 64, "L2"), level(20, 768, 128, "L3")]
    lines = np.concatenate([rng.integers(0, extent, 60_000) for extent in (256, 4096, 1 << 20)])
    peer = simulator(levels)
    peer.load((lines * 64).tolist(), length=1)
    got = simulate_lines(levels, lines)
    for mine, theirs in zip(got.levels, peer.levels(with_mem=False), strict=True):
        assert (mine.hits, mine.misses) == (theirs.HIT_count, theirs.MISS_count)
