"""By density: the counts that the densities alone predict, zeros spread evenly and by chance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from hwsim.cost.count import counted
from hwsim.cost.walked import Lanes, issued_slots, lanes_of, stored_per_row
from hwsim.formats import NM, Block
from hwsim.sparsity.expected import expected_makespan, expected_stored
from hwsim.sparsity.expected_schedule import expected_schedule
from hwsim.sparsity.lanes import issued_vectors

if TYPE_CHECKING:
    from hwsim.accelerators import Mask
    from hwsim.activations import Activations
    from hwsim.arrays import IntArray
    from hwsim.profile import KernelRule
    from hwsim.program import Program, Step
    from hwsim.records import Counts
    from hwsim.tensor import Weight

_SEED: Final = 0


def count_by_density(
    program: Program, activations: Activations | None = None
) -> tuple[Counts, ...]:
    """Return what `count` would where only each layer's share of zeros were known.

    The gap to `count` is what the real patterns cost or save. Lanes in lockstep, vectors and
    workers that take single channels come from expectations over independent zeros; accelerators,
    gathers and workers that take groups of channels from one walk of a mask of as many non-zeros
    at random places, always the same. Formats whose zeros lie where the format allows (N:M,
    blocks), or that store everything, keep what they store.

    Args:
        program: See `count`.
        activations: See `count`; of these, too, the densities alone count.

    Raises:
        UnsupportedError: See `count`.
    """
    return counted(program, activations, ByDensity())


class ByDensity:
    """Patterns of which only the density is known: see `hwsim.cost.patterns.Patterns`."""

    def lanes(self, weight: Weight, step: Step, rule: KernelRule) -> Lanes:
        """Return what the lanes of a walking kernel are expected to do."""
        rows, k = weight.matrix.shape
        real = lanes_of(weight, step, rule)
        if not _is_free(weight, step, rule) or not rows * k:
            return real
        density = real.walked / (rows * k)
        width, tile = rule.skips_vectors or 1, rule.tile
        if rule.workers > 1 and (tile.m > 1 or tile.k > 1):
            steps = _drawn_steps(self.weights(weight), rule)
            return _lanes(real, float(steps.sum()), float(issued_slots(steps, rule)))
        if rule.skips_vectors is None and rule.workers == 1:
            busy = expected_stored(rows, k, density, tile.k)
            fullest = expected_makespan(rows, k, density, tile.m, tile.k)
            return _lanes(real, busy, fullest * tile.m)
        pes, barrier = (rule.workers, None) if rule.workers > 1 else (tile.m, tile.m)
        found = expected_schedule(
            rows, k, density, pes, rule.scheduling, rule.chunk, barrier, width=width
        )
        return _lanes(real, found.busy * width, found.cycles * pes * width)

    def weights(self, weight: Weight) -> Mask:
        """Return as many non-zeros at random places."""
        return _shuffled(weight.nonzero)

    def activations(self, mask: Mask) -> Mask:
        """Return as many non-zeros at random places."""
        return _shuffled(mask)


def _is_free(weight: Weight, step: Step, rule: KernelRule) -> bool:
    """Return whether zeros may lie anywhere, and what is walked are the others."""
    if rule.finds_zeros:
        return True
    is_regular = isinstance(weight.format, NM | Block)
    return not is_regular and int(stored_per_row(weight, step).sum()) < weight.codes.size


def _lanes(real: Lanes, busy: float, issued: float) -> Lanes:
    """Return whole numbers of expected slots, never fewer than what is walked in them."""
    whole = max(real.walked, round(busy))
    return replace(real, busy=whole, issued=max(whole, round(issued)))


def _drawn_steps(mask: Mask, rule: KernelRule) -> IntArray:
    """Return the [rows] slots of each output channel."""
    if rule.skips_vectors is not None:
        return issued_vectors(mask, rule.skips_vectors) * rule.skips_vectors
    return -(-mask.sum(axis=1, dtype=np.int64) // rule.tile.k) * rule.tile.k


def _shuffled(mask: Mask) -> Mask:
    """Return a mask of the same shape and number of non-zeros, drawn with a fixed seed."""
    flat = np.zeros(mask.size, np.bool_)
    flat[: int(np.count_nonzero(mask))] = True
    return np.random.default_rng(_SEED).permutation(flat).reshape(mask.shape)
