"""Which single numbers to keep: those of the highest score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray


def keep_largest(scores: FloatArray, sparsity: float) -> Array:
    """Return where to keep: bool, False for round(sparsity * n) of the lowest scores.

    The count is exact (Python's `round`, halves to even, as torch.nn.utils.prune): of equal
    scores at the threshold those that lie first go first (Han et al., "Learning both Weights
    and Connections", arXiv 1506.02626).

    Args:
        scores: Of any shape.
        sparsity: 0 <= sparsity < 1.
    """
    count = round(sparsity * scores.size)
    if count == 0:
        return np.ones(scores.shape, bool)
    flat = scores.reshape(-1)
    # A sort would take ten times as long; what a partition leaves open, order decides.
    threshold = np.partition(flat, count - 1)[count - 1]
    keep = flat > threshold
    tied = np.flatnonzero(flat == threshold)
    keep[tied[count - int((flat < threshold).sum()) :]] = True
    return keep.reshape(scores.shape)


def keep_largest_of_rows(scores: FloatArray, sparsity: float) -> Array:
    """Return `keep_largest` of each row of `scores` [rows, columns] by itself."""
    count = round(sparsity * scores.shape[1])
    order = np.argsort(scores, axis=1, kind="stable")
    keep = np.ones(scores.shape, bool)
    np.put_along_axis(keep, order[:, :count], values=False, axis=1)
    return keep


def keep_n_of_m(scores: FloatArray, n: int, m: int) -> Array:
    """Return where to keep: bool, True for the n highest of each m columns of a row.

    Of equal scores the later ones stay. A last group of fewer than m columns keeps up to n
    (Mishra et al., "Accelerating Sparse Deep Neural Networks", arXiv 2104.08378, for 2:4).

    Args:
        scores: [rows, columns].
        n: Kept per group.
        m: Columns per group.
    """
    rows, columns = scores.shape
    # What fills up the last group is lower than any weight, and goes first: infinities are for
    # weights that are gone already.
    filled = np.pad(scores, ((0, 0), (0, -columns % m)), constant_values=-np.inf)
    if columns % m:
        filled[:, :columns][np.isneginf(scores)] = np.finfo(np.float64).min
    groups = filled.reshape(rows, -1, m)
    order = np.argsort(groups, axis=2, kind="stable")
    keep = np.ones(groups.shape, bool)
    np.put_along_axis(keep, order[:, :, : m - n], values=False, axis=2)
    return keep.reshape(rows, -1)[:, :columns]
