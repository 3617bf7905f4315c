"""Scores of weights by themselves: their magnitudes, and the baseline that looks at nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from compressors.pruning.criteria._criterion import Study
    from hwsim.arrays import FloatArray


def l1(study: Study) -> dict[str, FloatArray]:
    """Return |w|, which sums up to the L1 norm (Li et al., arXiv 1608.08710, section 3.1)."""
    return {name: np.abs(op.weight.real()) for name, op in study.layers.items()}


def l2(study: Study) -> dict[str, FloatArray]:
    """Return w^2, which sums up to the square of the L2 norm (Wen et al., arXiv 1608.03665)."""
    return {name: np.square(op.weight.real()) for name, op in study.layers.items()}


def lp(study: Study) -> dict[str, FloatArray]:
    """Return |w|^p, which sums up to the p-th power of the Lp norm."""
    return {name: np.abs(op.weight.real()) ** study.p for name, op in study.layers.items()}


def random(study: Study) -> dict[str, FloatArray]:
    """Return uniform numbers, the same for a layer whichever others there are."""
    return {
        name: np.random.default_rng([study.seed, crc32(name.encode())]).random(op.weight.shape)
        for name, op in study.layers.items()
    }
