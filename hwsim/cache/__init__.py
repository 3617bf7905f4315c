"""Exact set-associative LRU caches: which accesses miss, level by level."""

from hwsim.cache.counts import LevelCounts, Traffic
from hwsim.cache.level import CacheLevel
from hwsim.cache.simulation import simulate, simulate_gather, simulate_lines
from hwsim.cache.state import CacheState

__all__ = [
    "CacheLevel",
    "CacheState",
    "LevelCounts",
    "Traffic",
    "simulate",
    "simulate_gather",
    "simulate_lines",
]
