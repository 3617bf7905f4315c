"""Activations read at looked-up places, against caches that are dictionaries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hwsim.arrays import Array
from hwsim.cache import CacheLevel
from hwsim.cost import count, gathers, price
from hwsim.cost.gathers import misses_of_tile
from hwsim.errors import UnsupportedError
from hwsim.formats import NM, Bitmask, Dense, Relative
from hwsim.graph import Graph
from hwsim.lower import lower
from hwsim.profile import Cycles, Memory, Tile
from hwsim.records import Counts
from hwsim.sparsity.pattern import pack
from tests.devices import unit_device
from tests.unit.cache.ordered import OrderedCache
from tests.unit.cost.test_count import layer

CACHES = {
    "l1": Memory(size_bytes=64, line_bytes=16, ways=2, pj_per_byte=0.0),
    "l2": Memory(size_bytes=128, line_bytes=32, ways=1, latency_cycles=10.0, pj_per_byte=0.0),
}

masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=24))


def two_levels(line: int, ways: int, sets: int, further: int) -> tuple[CacheLevel, ...]:
    """Return two caches; the further one has lines of twice the length, and may be smaller."""
    near = CacheLevel(name="l1", size_bytes=line * ways * sets, line_bytes=line, ways=ways)
    size = 4 * line * further
    return near, CacheLevel(name="l2", size_bytes=size, line_bytes=2 * line, ways=2)


few = st.integers(1, 3)
levels = st.builds(two_levels, st.sampled_from([4, 8]), few, few, st.integers(1, 9))


def tile_by_tile(
    caches: tuple[CacheLevel, ...], mask: Array, groups: int, width: int, tiles: int
) -> tuple[int, ...]:
    """Return the misses of all tiles, which lie in lines of their own, access by access."""
    behind: OrderedCache | None = None
    chain: list[OrderedCache] = []
    for level in reversed(caches):
        behind = OrderedCache(level, behind)
        chain.insert(0, behind)
    per_group, k = len(mask) // groups, mask.shape[1]
    line = max(level.line_bytes for level in caches)
    stride = -(-groups * k * width // line) * line
    for tile in range(tiles):
        for row in range(len(mask)):
            for column in range(k):
                if mask[row, column]:
                    place = row // per_group * k + column
                    chain[0].access(tile * stride + place * width, width, is_write=False)
    return tuple(cache.read_misses for cache in chain)


@given(mask=masks, caches=levels, width=st.integers(1, 20), tiles=st.integers(1, 4))
def test_one_tile_stands_for_all_exactly(
    mask: Array, caches: tuple[CacheLevel, ...], width: int, tiles: int
) -> None:
    groups = 2 if len(mask) % 2 == 0 else 1
    gathers._known.clear()  # pyright: ignore[reportPrivateUsage]
    found = misses_of_tile(caches, pack(mask), groups, width)
    assert tuple(tiles * misses for misses in found) == tile_by_tile(
        caches, mask, groups, width, tiles
    )


def counted(graph: Graph, tile: Tile | None = None, **rule: Any) -> Counts:
    settings = {"gathers": True, **rule}
    (counts,) = count(lower(graph, unit_device(tile, rule=settings, caches=CACHES)))
    return counts


def test_each_stored_weight_looks_up_the_positions_of_its_tile() -> None:
    codes = np.zeros((2, 40), np.int8)
    codes[:, [0, 20]] = 1
    counts = counted(layer(codes, Bitmask(), positions=6), Tile(n=4))
    # Two tiles; places 0 and 20 of four bytes each lie in two lines of either cache.
    assert counts.gathers == 4 * 2
    assert counts.gather_misses == {"l2": 2 * 2, "ram": 2 * 2}


def test_misses_wait_for_the_memory_that_has_the_line() -> None:
    codes = np.eye(3, 40, dtype=np.int8)
    profile = unit_device(
        cycles=Cycles(per_mac=1), rule={"gathers": True, "workers": 1}, caches=CACHES
    )
    program = lower(layer(codes, Bitmask()), profile)
    (step,) = price(program, count(program)).steps
    # Three bytes of one line.
    assert step.terms_s == {"mac": 3, "gather:l2": 10, "gather:ram": 100}


def test_dense_weights_are_not_looked_up() -> None:
    assert counted(layer(np.eye(4), Dense())).gathers == 0
    assert counted(layer(np.eye(4), Dense()), zeros="check").gathers == 4


def test_a_cache_that_retains_activations_has_them() -> None:
    keeping = {**CACHES, "l2": CACHES["l2"].model_copy(update={"retains_activations": True})}
    for positions, behind in ((2, {}), (30, {"ram": 30})):
        graph = layer(np.eye(2, 4, dtype=np.int8), Bitmask(), positions)
        (counts,) = count(lower(graph, unit_device(rule={"gathers": True}, caches=keeping)))
        assert counts.gather_misses == {"l2": positions, **behind}


def test_places_that_the_zeros_do_not_tell_are_refused() -> None:
    codes = [[0, 7, 0, 0, 1, 2, 0, 0]]
    message = r"layer/fc: kernel 'heavy' gathers, and where the zeros lie that 2:4 stores is not"
    with pytest.raises(UnsupportedError, match=message):
        counted(layer(codes, NM(2, 4)))
    assert counted(layer([[1, 2, 0, 0]], NM(2, 4))).gathers == 2
    formats = {Relative(4).name: "native", "dense": "native"}
    assert counted(layer([[1, 0, 0, 2]], Relative(4)), formats=formats).gathers == 2


def test_a_pattern_is_walked_once_per_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    walks: list[object] = []
    walk = gathers._walked  # pyright: ignore[reportPrivateUsage]

    def noted(*arguments: Any) -> object:
        walks.append(arguments)
        return walk(*arguments)

    monkeypatch.setattr(gathers, "_walked", noted)
    gathers._known.clear()  # pyright: ignore[reportPrivateUsage]
    graph = layer(np.eye(5, 7), Bitmask())
    assert counted(graph) == counted(graph)
    counted(graph, Tile(m=3))
    assert len(walks) == 1
    counted(graph, Tile(n=2))
    counted(layer(np.eye(5, 8), Bitmask()))
    assert len(walks) == 3
