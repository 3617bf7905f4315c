"""The caches of pycachesim, for those that compare with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hwsim.cache import CacheLevel

cachesim: Any = pytest.importorskip("cachesim", reason="needs the oracle extra: pycachesim")


def simulator(levels: Sequence[CacheLevel]) -> Any:
    """Return its simulator of the same levels, cold."""
    behind: Any = None
    built: list[Any] = []
    for level in reversed(levels):
        behind = cachesim.Cache(
            level.name,
            level.sets,
            level.ways,
            level.line_bytes,
            "LRU",
            load_from=behind,
            store_to=behind,
        )
        built.append(behind)
    memory = cachesim.MainMemory()
    memory.load_to(built[0])
    memory.store_from(built[0])
    return cachesim.CacheSimulator(behind, memory)
