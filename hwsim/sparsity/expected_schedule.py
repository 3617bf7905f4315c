"""How long elements are expected to take where nothing but the density of their rows is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.sparsity._distribution import Distribution, binomial, expected_largest
from hwsim.sparsity.expected import any_of, check_matrix
from hwsim.sparsity.lanes import check_width
from hwsim.sparsity.schedule import check_extents, schedule

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray, IntArray
    from hwsim.sparsity.schedule import Scheduling

# Pairs of opposite draws of all rows where no formula is known, and where they start.
_PAIRS, _SEED = 32, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedMakespan:
    """Expectations of `Makespan`, field by field.

    Attributes:
        cycles: Until the last element is done.
        busy: In which an element works, over all of them.
        idle: In which one waits for others.
        error: Standard error of `cycles` where it is the mean of draws; 0 where it is exact.
    """

    cycles: float
    busy: float
    idle: float
    error: float


def expected_schedule(
    rows: int,
    k: int,
    density: float,
    pes: int,
    scheduling: Scheduling = "static",
    chunk: int = 1,
    barrier_rows: int | None = None,
    width: int = 1,
) -> ExpectedMakespan:
    """Return the expectation of `schedule` over `issued_vectors` along k.

    Exact where rows are dealt out, and in a queue of no more chunks than elements; else the mean
    of 64 draws in opposite pairs, always the same ones, with its standard error beside it.

    Args:
        rows: Output channels.
        k: Weights of each.
        density: Probability of a non-zero, 0..1.
        pes: See `schedule`.
        scheduling: See `schedule`.
        chunk: See `schedule`.
        barrier_rows: See `schedule`.
        width: Lanes of a vector.

    Raises:
        DataError: See `expected_lanes` and `schedule`.
    """
    check_matrix(rows, k, density)
    check_width(width)
    check_extents(scheduling, pes, chunk, barrier_rows)
    barrier = barrier_rows or max(1, rows)
    groups, left = divmod(rows, barrier)
    cycles = variance = 0.0
    for count, extent in ((groups, barrier), (1, left)):
        if not count or not extent:
            continue
        mean, error = _group(extent, k, density, pes, chunk, width, scheduling == "queue")
        cycles, variance = cycles + count * mean, variance + (count * error) ** 2
    busy = rows * _work(1, k, density, width).mean
    return ExpectedMakespan(cycles=cycles, busy=busy, idle=cycles * pes - busy, error=variance**0.5)


def _group(
    rows: int, k: int, density: float, pes: int, chunk: int, width: int, is_queue: bool
) -> tuple[float, float]:
    """Return the expected cycles of rows between two barriers, and the standard error."""
    sizes = np.minimum(chunk, rows - np.arange(0, rows, chunk))
    if is_queue and len(sizes) > pes:
        kinds = {size: _work(size, k, density, width) for size in {chunk, int(sizes[-1])}}
        return _drawn([kinds[size] for size in sizes.tolist()], pes)
    taken = np.bincount(np.arange(len(sizes)) % pes, weights=sizes).astype(np.int64)
    found, counts = np.unique(taken, return_counts=True)
    dealt = zip(found.tolist(), counts.tolist(), strict=True)
    return expected_largest([(_work(size, k, density, width), count) for size, count in dealt]), 0.0


def _work(rows: int, k: int, density: float, width: int) -> Distribution:
    """Return the distribution of the vectors that some rows issue together."""
    whole, left = divmod(k, width)
    vectors = binomial(rows * whole, any_of(width, density))
    return vectors.plus(binomial(rows, any_of(left, density))) if left else vectors


def _drawn(chunks: list[Distribution], pes: int) -> tuple[float, float]:
    """Return the mean makespan of a queue over draws of its chunks, and the standard error.

    A draw and its opposite (as likely, and long where the other is short) vary less together.
    """
    uniform = np.random.default_rng(_SEED).random((_PAIRS, len(chunks)))
    means = np.zeros(_PAIRS)
    for pair, draw in enumerate(uniform):
        for side in (draw, 1.0 - draw):
            means[pair] += schedule(_quantiles(chunks, side), pes, "queue").cycles / 2
    return float(means.mean()), float(means.std(ddof=1) / _PAIRS**0.5)


def _quantiles(chunks: list[Distribution], shares: FloatArray) -> IntArray:
    """Return the number of each distribution that a share of its probability does not exceed."""
    found = np.zeros(len(chunks), np.int64)
    for kind in set(chunks):
        at = np.array([chunk is kind for chunk in chunks])
        places = np.searchsorted(np.cumsum(kind.probabilities), shares[at])
        found[at] = kind.low + np.minimum(places, len(kind.probabilities) - 1)
    return found
