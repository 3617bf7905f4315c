"""Crossover: how sparse something must be before it is faster than dense."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def crossover(sparsities: Sequence[float], speedups: Sequence[float]) -> float | None:
    """Return the least sparsity from which on every rung of a ladder is faster than dense.

    Between the last rung that is not and the first of those that are, relative times, which fall
    about linearly with the zeros, are interpolated. 0 where all rungs are faster: it lies below
    the first. None where the last one is not.

    Args:
        sparsities: Rising, 0..1.
        speedups: Dense time over that of each rung, > 0.
    """
    times = [1.0 / speedup for speedup in speedups]
    faster = len(times)
    while faster and times[faster - 1] < 1.0:
        faster -= 1
    if faster == len(times):
        return None
    if not faster:
        return 0.0
    before, after = times[faster - 1] - 1.0, 1.0 - times[faster]
    left, right = sparsities[faster - 1], sparsities[faster]
    return left + (right - left) * before / (before + after)
