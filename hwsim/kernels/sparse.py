"""Sparse integer products: only stored weights are multiplied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import IntArray


@kernel
def csr_matmul(
    x: IntArray, values: IntArray, columns: IntArray, starts: IntArray, out: IntArray
) -> None:
    """Set out[p, m] = sum over row m's stored values of value * x[p, its column].

    Args:
        x: [p, k] codes.
        values: [non-zeros] codes, row by row.
        columns: [non-zeros] column of each value.
        starts: [m + 1] where each row starts in `values`.
        out: [p, m] int32, overwritten; sums wrap in 32 bits.
    """
    for p in range(x.shape[0]):
        for m in range(starts.shape[0] - 1):
            total = np.int32(0)
            for at in range(starts[m], starts[m + 1]):
                product = np.int64(values[at]) * np.int64(x[p, columns[at]])
                total = np.int32(np.int64(total) + product)
            out[p, m] = total


@kernel
def bitmask_matmul(x: IntArray, values: IntArray, mask: IntArray, out: IntArray) -> None:
    """Set out[p, m] as the dense product, taking the next value wherever the mask has a 1.

    Args:
        x: [p, k] codes.
        values: [non-zeros] codes, row by row.
        mask: [m, ceil(k / 8)] bytes, least significant bit first.
        out: [p, m] int32, overwritten; sums wrap in 32 bits.
    """
    for p in range(x.shape[0]):
        at = 0
        for m in range(mask.shape[0]):
            total = np.int32(0)
            for byte in range(mask.shape[1]):
                bits = np.int64(mask[m, byte])
                column = byte * 8
                while bits != 0:
                    if bits & 1:
                        product = np.int64(values[at]) * np.int64(x[p, column])
                        total = np.int32(np.int64(total) + product)
                        at += 1
                    bits >>= 1
                    column += 1
            out[p, m] = total


@kernel
def nm_matmul(
    x: IntArray, values: IntArray, positions: IntArray, group: int, out: IntArray
) -> None:
    """Set out[p, m] from n values per group of `group` columns.

    Args:
        x: [p, k] codes.
        values: [m, groups, n] codes; unused places hold 0.
        positions: [m, groups, n] place of each value within its group.
        group: The M of N:M.
        out: [p, m] int32, overwritten; sums wrap in 32 bits.
    """
    for p in range(x.shape[0]):
        for m in range(values.shape[0]):
            total = np.int32(0)
            for g in range(values.shape[1]):
                for i in range(values.shape[2]):
                    column = g * group + positions[m, g, i]
                    # The last group may be short; its unused places hold zeros.
                    if column < x.shape[1]:
                        product = np.int64(values[m, g, i]) * np.int64(x[p, column])
                        total = np.int32(np.int64(total) + product)
            out[p, m] = total
