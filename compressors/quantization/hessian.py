"""Second derivatives of a layer's output error, from the inputs that it sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compressors.quantization.layers import parts_of_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hwsim.arrays import FloatArray
    from hwsim.channels.layers import Layer


def hessians(op: Layer, parts: Iterable[FloatArray]) -> FloatArray:
    """Return H = 2 / n sum x x^T of the n rows x that meet a filter: [groups, depth, depth].

    |w X - q X|^2 / n has it as its second derivatives by q (Frantar et al., "GPTQ", arXiv
    2210.17323, section 3, which does not divide by n: neither order nor errors depend on it).

    Args:
        op: Whose filters; every group of a convolution sees rows of its own.
        parts: Its operand, some samples at a time: [samples, *shape].
    """
    total, count = 0.0, 0
    for part in parts:
        for rows in parts_of_rows(op, part):
            total = total + rows.transpose(0, 2, 1) @ rows
            count += rows.shape[1]
    return np.asarray(2.0 * total / count)


def inverse_root(hessian: FloatArray, damping: float) -> FloatArray:
    """Return the upper triangular U with U^T U = (H + damping mean(diag H) I)^-1.

    Row i of U, divided by U_ii, is row i of the inverse of what is left of H once the columns
    before i are gone (arXiv 2210.17323, section 3, step 3). Inputs that are always zero count as
    if they alone made their output: nothing makes up for their weights.

    Args:
        hessian: [depth, depth], positive semidefinite.
        damping: > 0; a singular H has no inverse.
    """
    safe = hessian.copy()
    dead = np.flatnonzero(np.diag(safe) == 0.0)
    safe[dead, dead] = 1.0
    diagonal = np.arange(len(safe))
    safe[diagonal, diagonal] += damping * np.diag(hessian).mean()
    return np.asarray(np.linalg.cholesky(np.linalg.inv(safe)).T, np.float64)
