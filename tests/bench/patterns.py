"""How fast patterns of zeros are counted, beside what one would write with numpy first.

All layers of a ResNet-50, 90 % zeros; run alone, it prints milliseconds too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from hwsim.arrays import IntArray
from hwsim.cache import CacheLevel, simulate_gather
from hwsim.sparsity import Pattern, Scheduling, expected_schedule, issued_vectors, lanes, pack
from hwsim.sparsity import schedule as scheduled
from tests.oracle.pycachesim import simulator

WIDTHS: Final = (4, 8, 16, 32, 64)
ELEMENTS: Final = (8, 64)
SCHEDULINGS: Final[tuple[Scheduling, ...]] = ("static", "queue")
ROUNDS: Final = 7
LEVELS: Final = (
    CacheLevel(name="L1", size_bytes=32 << 10, line_bytes=64, ways=8),
    CacheLevel(name="L2", size_bytes=1 << 20, line_bytes=64, ways=16),
)
# Non-zeros of the peers' share: they need longer.
PEER_COUNT: Final = 50_000


def resnet50_shapes() -> list[tuple[int, int]]:
    """Return [output channels, weights of each] of all 54 layers (He et al., CVPR 2016)."""
    shapes = [(64, 3 * 49)]
    for before, inner, after, blocks in (
        (64, 64, 256, 3),
        (256, 128, 512, 4),
        (512, 256, 1024, 6),
        (1024, 512, 2048, 3),
    ):
        shapes.append((after, before))
        for block in range(blocks):
            shapes += [(inner, before if block == 0 else after), (inner, inner * 9), (after, inner)]
    return [*shapes, (1000, 2048)]


def resnet50(sparsity: float) -> list[IntArray]:
    """Return int8 weights of all layers, zero independently."""
    random = np.random.default_rng(0)
    return [
        np.where(
            random.random(shape, np.float32) < sparsity,
            np.int8(0),
            random.integers(1, 128, shape, np.int8),
        )
        for shape in resnet50_shapes()
    ]


def count_lanes(patterns: list[Pattern]) -> list[int]:
    """Return vectors issued by the whole network, by width."""
    counts = [lanes(pattern, WIDTHS) for pattern in patterns]
    return [sum(layer[at].issued for layer in counts) for at in range(len(WIDTHS))]


def numpy_lanes(weights: list[IntArray]) -> list[int]:
    """Return what `count_lanes` does, as one would write it first."""
    return [sum(_numpy_vectors(layer, width) for layer in weights) for width in WIDTHS]


def _numpy_vectors(layer: IntArray, width: int) -> int:
    whole = layer.shape[1] // width * width
    filled = (layer[:, :whole].reshape(len(layer), -1, width) != 0).any(axis=2)
    return int(np.count_nonzero(filled) + np.count_nonzero(layer[:, whole:].any(axis=1)))


def count_cycles(patterns: list[Pattern]) -> list[int]:
    """Return cycles by elements, scheduling, and with or without lockstep."""
    work = [pattern.per_row for pattern in patterns]
    return [
        sum(scheduled(layer, pes, how, barrier_rows=barrier).cycles for layer in work)
        for pes in ELEMENTS
        for how in SCHEDULINGS
        for barrier in (None, pes)
    ]


def numpy_cycles(weights: list[IntArray]) -> list[int]:
    """Return the cycles of interleaved rows without and with lockstep, by elements."""
    found: list[int] = []
    for pes in ELEMENTS:
        free = lockstep = 0
        for layer in weights:
            work = np.count_nonzero(layer, axis=1)
            dealt = np.zeros(-(-len(work) // pes) * pes, np.int64)
            dealt[: len(work)] = work
            free += int(dealt.reshape(-1, pes).sum(axis=0).max())
            lockstep += int(dealt.reshape(-1, pes).max(axis=1).sum())
        found += [free, lockstep]
    return found


def gather(patterns: list[Pattern]) -> int:
    """Return misses of a walk of all non-zeros, each of which reads a line of activations."""
    state, misses = None, 0
    for pattern in patterns:
        traffic = simulate_gather(LEVELS, pattern.columns, element_bytes=64, state=state)
        state, misses = traffic.state, misses + traffic.levels[0].misses
    return misses


def best_s(*jobs: Callable[[], object]) -> list[float]:
    """Return the fastest time of each job, taken in turns: what interrupts hits long ones more."""
    taken: list[list[float]] = [[] for _ in jobs]
    for _ in range(ROUNDS):
        for job, times in zip(jobs, taken, strict=True):
            start = time.perf_counter()
            job()
            times.append(time.perf_counter() - start)
    return [min(times) for times in taken]


def pattern_ratios() -> dict[str, dict[str, float]]:
    """Return the time of numpy, and of pycachesim, over ours, in the same counts."""
    weights = resnet50(0.9)
    patterns = [pack(layer) for layer in weights]
    assert count_lanes(patterns) == numpy_lanes(weights)
    ours = count_cycles(patterns)
    assert [ours[at] for at in (0, 1, 4, 5)] == numpy_cycles(weights)
    found: dict[str, float] = {}
    mine, its = best_s(
        lambda: count_lanes([pack(layer) for layer in weights]), lambda: numpy_lanes(weights)
    )
    found["lanes of five widths"] = its / mine
    mine, its = best_s(
        lambda: count_cycles([pack(layer) for layer in weights]), lambda: numpy_cycles(weights)
    )
    found["imbalance"] = its / mine
    return {
        "numpy / ours, patterns of a ResNet-50": found,
        "pycachesim / ours, gather of a ResNet-50": {"list": gather_ratio(patterns)},
    }


def gather_ratio(patterns: list[Pattern]) -> float:
    """Return pycachesim's time per non-zero over ours, columns found included in ours."""
    nonzeros = sum(pattern.nonzeros for pattern in patterns)
    longest = max(patterns, key=lambda pattern: pattern.nonzeros)
    lines: list[int] = (longest.columns[:PEER_COUNT].astype(np.int64) * 64).tolist()
    peer: Any = simulator(LEVELS)
    gather(patterns)
    ours, its = best_s(lambda: gather(patterns), lambda: peer.load(lines))
    return its / len(lines) / (ours / nonzeros)


def main() -> None:
    """Print milliseconds of a whole network by share of zeros, then the ratios."""
    for sparsity in (0.5, 0.8, 0.9, 0.95):
        weights = resnet50(sparsity)
        patterns = [pack(layer) for layer in weights]
        nonzeros = sum(pattern.nonzeros for pattern in patterns)
        jobs: dict[str, Callable[[], object]] = {
            "pack": lambda w=weights: [pack(layer) for layer in w],
            "lanes": lambda p=patterns: count_lanes(p),
            "imbalance": lambda p=patterns: count_cycles(p),
            "odd widths": lambda p=patterns: [issued_vectors(layer, 12) for layer in p],
            "across channels": lambda p=patterns: [lanes(layer, WIDTHS, "m") for layer in p],
            "gather": lambda p=patterns: gather(p),
            "expected": lambda zeros=sparsity: [
                expected_schedule(*shape, 1 - zeros, 64) for shape in resnet50_shapes()
            ],
        }
        for job in jobs.values():
            job()
        taken = dict(zip(jobs, best_s(*jobs.values()), strict=True))
        shown = "  ".join(f"{name} {1e3 * time_s:.2f} ms" for name, time_s in taken.items())
        print(f"{sparsity:.0%} zeros: {shown}  ({1e9 * taken['gather'] / nonzeros:.2f} ns/gather)")
    for row, ratios in pattern_ratios().items():
        shown = "  ".join(f"{name} {ratio:.3g}" for name, ratio in ratios.items())
        print(f"{row:42s} {shown}")


if __name__ == "__main__":
    main()
