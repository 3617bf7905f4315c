"""Caches count what the obvious twin counts, and hold what it holds."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.arrays import IntArray
from hwsim.cache import CacheLevel, CacheState, simulate, simulate_gather, simulate_lines
from hwsim.cache._streams import BLOCK
from hwsim.errors import DataError
from tests.unit.cache.ordered import hierarchy, run
from tests.unit.cache.streams import ACCESSES, hierarchies, level

Access = tuple[int, int, bool]


def arrays(accesses: list[Access]) -> tuple[IntArray, IntArray, IntArray]:
    return (
        np.array([address for address, _, _ in accesses], np.int64),
        np.array([size for _, size, _ in accesses], np.int64),
        np.array([is_write for _, _, is_write in accesses], np.bool_),
    )


def check(
    levels: list[CacheLevel], accesses: list[Access], state: CacheState | None = None
) -> None:
    """Compare with the twin: counts, and every set in its order."""
    addresses, sizes, writes = arrays(accesses)
    caches = hierarchy(levels)
    run(caches, accesses)
    got = simulate(levels, addresses, sizes, writes=writes, state=state)
    assert list(got.levels) == [cache.counts() for cache in caches]
    for at, cache in enumerate(caches):
        assert got.state.lines(at) == cache.lines()


@given(levels=hierarchies(), accesses=ACCESSES)
def test_reads_and_writes(levels: list[CacheLevel], accesses: list[Access]) -> None:
    check(levels, accesses)


@given(levels=hierarchies(), accesses=ACCESSES)
def test_reads_alone(levels: list[CacheLevel], accesses: list[Access]) -> None:
    reads = [(address, size, False) for address, size, _ in accesses]
    check(levels, reads)
    addresses, sizes, writes = arrays(reads)
    flagged = simulate(levels, addresses, sizes, writes=writes)
    assert simulate(levels, addresses, sizes).levels == flagged.levels


@pytest.mark.parametrize("refreshes", [True, False])
@pytest.mark.parametrize(("ways", "sets"), [(1, 1), (2, 1), (3, 1), (1, 2), (2, 2)])
def test_all_short_streams(ways: int, sets: int, refreshes: bool) -> None:
    levels = [
        level(ways, sets, refreshes_on_write=refreshes),
        level(2, 1, 128, "L2", refreshes_on_write=refreshes),
    ]
    choices = [(line * 64, 1, is_write) for line in range(4) for is_write in (False, True)]
    for stream in product(choices, repeat=3):
        check(levels, [*stream, (0, 1, False), (64, 1, False)])


@given(levels=hierarchies(), accesses=ACCESSES, cut=st.integers(0, 300))
def test_a_cut_stream_goes_on(levels: list[CacheLevel], accesses: list[Access], cut: int) -> None:
    addresses, sizes, writes = arrays(accesses)
    whole = simulate(levels, addresses, sizes, writes=writes)
    first = simulate(levels, addresses[:cut], sizes[:cut], writes=writes[:cut])
    kept = [entries.copy() for entries in first.state.entries]
    second = simulate(levels, addresses[cut:], sizes[cut:], writes=writes[cut:], state=first.state)
    for before, after in zip(kept, first.state.entries, strict=True):
        np.testing.assert_array_equal(before, after)
    for at, counts in enumerate(whole.levels):
        parts = first.levels[at], second.levels[at]
        assert counts.reads == sum(part.reads for part in parts)
        assert counts.read_misses == sum(part.read_misses for part in parts)
        assert counts.writes == sum(part.writes for part in parts)
        assert counts.write_misses == sum(part.write_misses for part in parts)
        assert counts.write_backs == sum(part.write_backs for part in parts)
        assert whole.state.lines(at) == second.state.lines(at)


@given(levels=hierarchies(), accesses=ACCESSES)
def test_reads_push_out_what_was_written(levels: list[CacheLevel], accesses: list[Access]) -> None:
    half = len(accesses) // 2
    accesses = [(a, n, w and at < half) for at, (a, n, w) in enumerate(accesses)]
    caches = hierarchy(levels)
    run(caches, accesses[:half])
    dirty = [cache.write_backs for cache in caches]
    run(caches, accesses[half:])
    addresses, sizes, writes = arrays(accesses)
    first = simulate(levels, addresses[:half], sizes[:half], writes=writes[:half])
    second = simulate(levels, addresses[half:], sizes[half:], state=first.state)
    assert [counts.write_backs for counts in second.levels] == [
        cache.write_backs - before for cache, before in zip(caches, dirty, strict=True)
    ]


@pytest.mark.parametrize("ways", [2, 8, 33])
def test_streams_longer_than_a_block(ways: int) -> None:
    rng = np.random.default_rng(ways)
    # The span of one access alone is longer than a block.
    addresses = rng.integers(0, 4096, 3 * BLOCK // 2)
    sizes = rng.integers(1, 40, len(addresses))
    sizes[100] = 16 * (BLOCK + 3)
    writes = rng.random(len(addresses)) < 0.3
    # Beyond 32 bits, once the caches are full.
    addresses[-40:-20] += 1 << 50
    levels = [level(ways, 12, 16), level(4, 32, 32, "L2"), level(8, 24, 32, "L3")]
    check(levels, list(zip(addresses.tolist(), sizes.tolist(), writes.tolist(), strict=True)))


@given(
    levels=hierarchies(),
    indices=st.lists(st.integers(0, 400), max_size=200),
    element=st.integers(1, 200),
    stride=st.none() | st.integers(1, 200),
    base=st.sampled_from((0, 1, 64, 1 << 40)),
    width=st.sampled_from((np.int16, np.int32, np.uint32, np.int64)),
)
def test_a_gather_reads_the_elements_it_names(
    levels: list[CacheLevel],
    indices: list[int],
    element: int,
    stride: int | None,
    base: int,
    width: type[np.integer[Any]],
) -> None:
    step = element if stride is None else stride
    addresses = base + step * np.array(indices, np.int64)
    got = simulate_gather(
        levels,
        np.array(indices, width),
        element_bytes=element,
        stride_bytes=stride,
        base_address=base,
    )
    wanted = simulate(levels, addresses, np.full(len(indices), element))
    assert got.levels == wanted.levels


@pytest.mark.parametrize("element", [1, 2, 4, 16, 64])
def test_a_gather_of_aligned_elements(element: int) -> None:
    levels = [level(2, 3), level(4, 5, 128, "L2")]
    indices = np.random.default_rng(element).integers(0, 3000 // element, 5000)
    got = simulate_gather(levels, indices, element_bytes=element, base_address=1 << 20)
    wanted = simulate(levels, (1 << 20) + element * indices, np.full(len(indices), element))
    assert got.levels == wanted.levels
    assert got.levels[0].misses > 100


@settings(max_examples=30)
@given(levels=hierarchies(), accesses=ACCESSES)
def test_line_numbers_are_addresses_of_lines(
    levels: list[CacheLevel], accesses: list[Access]
) -> None:
    addresses, _, writes = arrays(accesses)
    got = simulate_lines(levels, addresses // levels[0].line_bytes, writes=writes)
    assert got.levels == simulate(levels, addresses, writes=writes).levels


def test_the_largest_address() -> None:
    levels = [level(2, 3, 1)]
    top = (1 << 62) - 1
    got = simulate(levels, np.array([top, top - 1, top]), writes=np.array([True, False, False]))
    assert (got.levels[0].misses, got.levels[0].hits) == (2, 1)
    assert sorted(line for row in got.state.lines(0) for line in row) == [top - 1, top]


def test_no_access() -> None:
    got = simulate([level(2, 2)], np.zeros(0, np.int64))
    assert (got.levels[0].accesses, got.levels[0].misses) == (0, 0)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"addresses": np.array([0, -1])}, r"addresses\[0..1\]: expected numbers from 0"),
    ({"addresses": np.array([1 << 62])}, "expected numbers from 0"),
    ({"addresses": np.array([0.0])}, "addresses: expected one axis of integer, got float64"),
    ({"addresses": np.zeros((2, 2), np.int64)}, "addresses: expected one axis"),
    ({"addresses": np.array([0, 1], ">i8")}, "addresses: expected one axis of integer, got >i8"),
    ({"sizes": np.array([1, 1], ">i4")}, "sizes: expected one axis of integer, got >i4"),
    ({"sizes": np.array([1, 0])}, "access 1: .* got address 1, 0 bytes"),
    ({"addresses": np.array([5, -7]), "sizes": np.array([1, 1])}, "access 1: .* address -7"),
    ({"addresses": np.array([(1 << 62) - 1, 0]), "sizes": np.array([2, 1])}, "access 0"),
    ({"sizes": np.array([1])}, "sizes: expected 2, one per access, got 1"),
    ({"writes": np.array([1, 0])}, "writes: expected one axis of bool"),
    ({"writes": np.array([True])}, "writes: expected 2, one per access, got 1"),
    ({"state": CacheState.empty([level(4, 4)])}, "state: expected one of these levels"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_streams(arguments: dict[str, Any], message: str) -> None:
    given_arguments: dict[str, Any] = {"addresses": np.array([0, 1])} | arguments
    with pytest.raises(DataError, match=message):
        simulate([level(2, 2)], **given_arguments)


@pytest.mark.parametrize("element", [3, 4])
@pytest.mark.parametrize("index", [-1, 1 << 61])
def test_bad_indices(element: int, index: int) -> None:
    with pytest.raises(DataError, match=f"indices.*expected .*{index}"):
        simulate_gather([level(2, 2)], np.array([0, index]), element_bytes=element)


@pytest.mark.parametrize("wrong", [{"element_bytes": 0}, {"base_address": -1}, {"stride_bytes": 0}])
def test_bad_elements(wrong: dict[str, int]) -> None:
    arguments: dict[str, Any] = {"element_bytes": 4} | wrong
    with pytest.raises(DataError, match="gather: expected element_bytes"):
        simulate_gather([level(2, 2)], np.array([0]), **arguments)
