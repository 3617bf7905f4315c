"""Which filters hold only zeros, and which inputs meet only zeros.

Graphs are lowered once per price, and most have no such filter: a filter or column is given up at
its first weight that is not zero, so that dense and sparse matrices alike are read in part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.channels.layers import group_count

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.channels.layers import Layer
    from hwsim.tensor import Weight

# Weights of a filter looked at together; where nine of ten are zeros, one in a thousand is left.
_BLOCK = 64


def zero_filters(op: Layer) -> Array:
    """Return which filters of a layer are zeros: bool [out]."""
    weight = op.weight
    is_zero = np.zeros(weight.shape[0], bool)
    matrix, zero = weight.matrix, _zero_codes(weight)
    left = np.arange(len(matrix))
    for start in range(0, matrix.shape[1], _BLOCK):
        block = slice(start, start + _BLOCK)
        zeros = zero[left] if len(zero) > 1 else zero
        zeros = zeros[:, block] if zeros.shape[1] > 1 else zeros
        left = left[(matrix[left, block] == zeros).all(axis=1)]
        if not len(left):
            break
    is_zero[left] = True
    return is_zero


def unread_inputs(op: Layer) -> Array:
    """Return which inputs of a layer no filter reads: bool [inputs]."""
    weight = op.weight
    matrix, zero = weight.matrix, _zero_codes(weight)
    per_group = weight.shape[-1]
    filters = weight.shape[0] // group_count(op)
    firsts = np.arange(0, len(matrix), filters)
    unread = np.ones((len(firsts), per_group), bool)
    start = 0
    while start < filters and unread.any():
        # Twice as many each time: one filter reads all of most layers' inputs.
        stop = min(2 * start + 1, filters)
        rows = np.add.outer(firsts, np.arange(start, stop)).reshape(-1)
        is_read = matrix[rows] != (zero[rows] if len(zero) > 1 else zero)
        unread &= ~is_read.reshape(len(firsts), -1, per_group).any(axis=1)
        start = stop
    return unread.reshape(-1)


def zero_columns(op: Layer) -> Array:
    """Return where the weights of an input to an output are all zero: bool [out, per group]."""
    weight = op.weight
    read = weight.nonzero.reshape(weight.shape[0], -1, weight.shape[-1]).any(axis=1)
    return np.logical_not(read)


def _zero_codes(weight: Weight) -> IntArray:
    """Return the codes that mean 0, to compare with the matrix [out, rest]; either extent may be 1.

    One of the codes' own type where they are symmetric: comparing other types takes far longer.
    """
    quant = weight.quant
    if quant is None or quant.is_symmetric:
        return np.zeros((1, 1), weight.codes.dtype)
    _, zero = quant.spread(weight.shape)
    if zero.size in (1, weight.shape[0]) and quant.axis in (None, 0):
        return zero.reshape(-1, 1).astype(np.int64)
    return np.broadcast_to(zero, weight.shape).reshape(weight.matrix.shape).astype(np.int64)
