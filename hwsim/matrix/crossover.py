"""Crossover: from which sparsity on a model is faster than the dense one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

NOISE: Final = 1e-9
"""Latencies are sums of some hundred terms, each exact to 1e-16; closer ones are equal."""


def crossover(
    sparsities: Sequence[float], ratios: Sequence[Sequence[float]], least_gain: float = 0.0
) -> float | None:
    """Return the least sparsity from which on the model is faster, on all rungs above it too.

    The latency of each format is interpolated between rungs, linearly; where several formats pay
    on the rung above, the one that starts to do so first counts.

    Args:
        sparsities: Of the rungs, rising, 0..1.
        ratios: For each format, the latency on each rung over the dense model's.
        least_gain: By how much it must be faster, at least 0: 0.05 for a speed-up of 1.05.

    Returns:
        None where it is not faster on the last rung, 0 where it is on every one.
    """
    level = 1.0 / (1.0 + least_gain)

    def pays(ratio: float) -> bool:
        return ratio < level - NOISE

    if not any(pays(own[-1]) for own in ratios):
        return None
    for i in range(len(sparsities) - 2, -1, -1):
        if not any(pays(own[i]) for own in ratios):
            low, high = sparsities[i], sparsities[i + 1]
            starts = (
                low + (high - low) * _share(own[i], own[i + 1], level)
                for own in ratios
                if pays(own[i + 1])
            )
            return min(starts)
    return 0.0


def _share(before: float, after: float, level: float) -> float:
    """Return where between two rungs a ratio that falls below a level is at it, 0..1."""
    return max(0.0, (before - level) / (before - after))
