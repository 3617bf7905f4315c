"""Which single weights to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray


def keep_largest(magnitudes: FloatArray, sparsity: float) -> Array:
    """Return where to keep: bool, False for round(sparsity * n) of the smallest magnitudes.

    The count is exact (Python's `round`, halves to even, as torch.nn.utils.prune): of equal
    magnitudes at the threshold those that lie first go first (Han et al., "Learning both Weights
    and Connections", arXiv 1506.02626).

    Args:
        magnitudes: Of any shape, >= 0.
        sparsity: 0 <= sparsity < 1.
    """
    keep = np.ones(magnitudes.size, bool)
    # A plain partition would break ties at random.
    order = np.argsort(magnitudes, axis=None, kind="stable")
    keep[order[: round(sparsity * magnitudes.size)]] = False
    return keep.reshape(magnitudes.shape)


def keep_n_of_m(magnitudes: FloatArray, n: int, m: int) -> Array:
    """Return where to keep: bool, True for the n largest of each m columns of a row.

    Of equal magnitudes the later ones stay. A last group of fewer than m columns keeps up to n
    (Mishra et al., "Accelerating Sparse Deep Neural Networks", arXiv 2104.08378, for 2:4).

    Args:
        magnitudes: [rows, columns], >= 0.
        n: Kept per group.
        m: Columns per group.
    """
    rows, columns = magnitudes.shape
    # What fills up the last group is smaller than any weight, and goes first.
    filled = np.pad(magnitudes, ((0, 0), (0, -columns % m)), constant_values=-1.0)
    groups = filled.reshape(rows, -1, m)
    order = np.argsort(groups, axis=2, kind="stable")
    keep = np.ones(groups.shape, bool)
    np.put_along_axis(keep, order[:, :, : m - n], values=False, axis=2)
    return keep.reshape(rows, -1)[:, :columns]
