"""Round weights column by column, the others making up for each error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray, IntArray

# Columns whose errors reach the columns behind them together: one matrix product (arXiv
# 2210.17323, section 3, step 2). It changes the order of sums only.
_BLOCK = 128


def compensated(
    real: FloatArray, steps: FloatArray, high: int, root: FloatArray, order: IntArray
) -> IntArray:
    """Return codes [rows, depth] in -high..high, chosen one column after the other.

    The error of a column is spread over those that come later, so that the output changes least
    (Frantar et al., "GPTQ", arXiv 2210.17323, algorithm 1). Weights that are zero stay zero, and
    what they owe for earlier errors is passed on (Frantar and Alistarh, "SparseGPT", arXiv
    2301.00774, section 3.2).

    Args:
        real: Weights [rows, depth].
        steps: Real value of one code step of each weight.
        high: The largest code.
        root: `inverse_root` of the Hessian, its rows and columns in this `order`.
        order: Columns, the first to be rounded first.
    """
    left, steps = real[:, order], steps[:, order]
    kept = left != 0.0
    codes = np.zeros(real.shape, np.int64)
    depth = real.shape[1]
    for first in range(0, depth, _BLOCK):
        last = min(first + _BLOCK, depth)
        errors = np.zeros((len(real), last - first))
        for i in range(first, last):
            code = np.clip(np.rint(left[:, i] / steps[:, i]), -high, high) * kept[:, i]
            error = (left[:, i] - code * steps[:, i]) / root[i, i]
            left[:, i + 1 : last] -= np.outer(error, root[i, i + 1 : last])
            codes[:, order[i]], errors[:, i - first] = code, error
        left[:, last:] -= errors @ root[first:last, last:]
    return codes
