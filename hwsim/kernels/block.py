"""Sparse integer products of whole blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import IntArray


@kernel
def block_matmul(
    x: IntArray,
    values: IntArray,
    places: IntArray,
    starts: IntArray,
    block: tuple[int, int],
    out: IntArray,
) -> None:
    """Set out[p, m] to the sum over the stored blocks of row m of value * x[p, its column].

    Args:
        x: [p, k] codes.
        values: Codes, block by block, each row by row; blocks end where the matrix does.
        places: [blocks] column of blocks that each is in.
        starts: [block rows + 1] where each row of blocks starts in `places`.
        block: Rows, columns of a block.
        out: [p, m] int32, overwritten; sums wrap in 32 bits.
    """
    for p in range(x.shape[0]):
        at = 0
        for m in range(out.shape[1]):
            out[p, m] = np.int32(0)
        for row in range(starts.shape[0] - 1):
            below = min((row + 1) * block[0], out.shape[1])
            for stored in range(starts[row], starts[row + 1]):
                left = places[stored] * block[1]
                right = min(left + block[1], x.shape[1])
                for m in range(row * block[0], below):
                    total = out[p, m]
                    for column in range(left, right):
                        product = np.int64(values[at]) * np.int64(x[p, column])
                        total = np.int32(np.int64(total) + product)
                        at += 1
                    out[p, m] = total
