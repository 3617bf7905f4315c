"""How fast caches are simulated, beside pycachesim on the same streams: taken in one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from hwsim.arrays import IntArray
from hwsim.cache import CacheLevel, Traffic, simulate, simulate_gather, simulate_lines
from tests.oracle.pycachesim import simulator

COUNT: Final = 400_000
# The peer needs longer.
PEER_COUNT: Final = 50_000
ROUNDS: Final = 25
L1: Final = CacheLevel(name="L1", size_bytes=32 << 10, line_bytes=64, ways=8)
L2: Final = CacheLevel(name="L2", size_bytes=1 << 20, line_bytes=64, ways=16)
ODD: Final = CacheLevel(name="LLC", size_bytes=30 << 20, line_bytes=64, ways=20)
HIERARCHIES: Final = {"L1": (L1,), "L1, L2": (L1, L2), "L1, L2, 30 MiB LLC": (L1, L2, ODD)}


def streams() -> dict[str, IntArray]:
    """Return byte addresses by the name of the stream."""
    rng = np.random.default_rng(0)
    steps = np.arange(COUNT)
    return {
        "sequential, 4 B": steps * 4,
        "sequential, 64 B": steps * 64,
        "strided, 320 B in 6 MB": steps * 320 % 6_400_000,
        "random in 16 KiB": rng.integers(0, 16 << 10, COUNT),
        "random in 512 KiB": rng.integers(0, 512 << 10, COUNT),
        "random in 64 MiB": rng.integers(0, 64 << 20, COUNT),
        "CSR gather, 90 % zeros": columns() * 64,
    }


def columns() -> IntArray:
    """Return the columns of random sparse rows of 1152, in storage order."""
    kept = np.random.default_rng(0).random((COUNT // 1152 * 12, 1152)) >= 0.9
    return np.nonzero(kept)[1][:COUNT]


def seconds(*jobs: Callable[[], object]) -> list[float]:
    """Return the fastest time of each job, taken in turns: what interrupts hits long ones more."""
    taken: list[list[float]] = [[] for _ in jobs]
    for _ in range(ROUNDS):
        for job, times in zip(jobs, taken, strict=True):
            start = time.perf_counter()
            job()
            times.append(time.perf_counter() - start)
    return [min(times) for times in taken]


def ratio(levels: tuple[CacheLevel, ...], addresses: IntArray) -> dict[str, float]:
    """Return the peer's time per access over ours, in the same counts.

    It takes Python's numbers: from the array that we take, or from a list that lies ready.
    """
    few = addresses[:PEER_COUNT]
    listed: list[int] = few.tolist()
    peer: Any = simulator(levels)
    peer.load(listed)
    got = simulate(levels, few)
    for mine, theirs in zip(got.levels, peer.levels(with_mem=False), strict=True):
        assert (mine.hits, mine.misses) == (theirs.HIT_count, theirs.MISS_count)
    # Both go on with warm caches.
    warm = simulate(levels, addresses).state
    ours, *its = seconds(
        lambda: simulate(levels, addresses, state=warm),
        lambda: peer.load(few.tolist()),
        lambda: peer.load(listed),
    )
    share = len(addresses) / PEER_COUNT / ours
    return {name: time_s * share for name, time_s in zip(("array", "list"), its, strict=True)}


def cache_ratios() -> dict[str, dict[str, float]]:
    """Return pycachesim's time over ours, by hierarchy and stream, from an array and a list."""
    return {
        f"pycachesim / ours, {name}, {stream}": ratio(levels, addresses)
        for name, levels in HIERARCHIES.items()
        for stream, addresses in streams().items()
    }


def rates(levels: tuple[CacheLevel, ...], addresses: IntArray) -> dict[str, float]:
    """Return million accesses per second of each function."""
    lines, elements, widths = addresses >> 6, addresses // 4, np.full(len(addresses), 4)
    writes = np.arange(len(addresses)) % 4 == 0
    calls: dict[str, Callable[[], Traffic]] = {
        "lines": lambda: simulate_lines(levels, lines),
        "addresses": lambda: simulate(levels, addresses),
        "spans": lambda: simulate(levels, addresses, widths),
        "a quarter writes": lambda: simulate(levels, addresses, writes=writes),
        "gather": lambda: simulate_gather(levels, elements, element_bytes=4),
    }
    for call in calls.values():
        call()
    taken = seconds(*calls.values())
    return {name: len(addresses) / s / 1e6 for name, s in zip(calls, taken, strict=True)}


def main() -> None:
    """Print how many million accesses a second take, by hierarchy, stream and function."""
    for name, levels in HIERARCHIES.items():
        for stream, addresses in streams().items():
            shown = "  ".join(f"{key} {rate:.0f}" for key, rate in rates(levels, addresses).items())
            print(f"{name:20s} {stream:24s} {shown}")


if __name__ == "__main__":
    main()
