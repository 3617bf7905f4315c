"""Dense integer products: every weight is multiplied, zero or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import IntArray


@kernel
def dense_matmul(x: IntArray, weights: IntArray, out: IntArray) -> None:
    """Set out[p, m] = sum_k x[p, k] weights[m, k], in 32 bits that wrap.

    Args:
        x: [p, k] codes of at most 16 bits, C-contiguous.
        weights: [m, k] codes of at most 16 bits, C-contiguous.
        out: [p, m] int32, overwritten.
    """
    for p in range(x.shape[0]):
        for m in range(weights.shape[0]):
            total = np.int32(0)
            for k in range(x.shape[1]):
                # Narrowed after every add: 64-bit sums would halve the lanes.
                total = np.int32(np.int64(total) + np.int64(x[p, k]) * np.int64(weights[m, k]))
            out[p, m] = total


@kernel
def depthwise(
    x: IntArray, weights: IntArray, stride: tuple[int, int], dilation: tuple[int, int],
    out: IntArray,
) -> None:  # fmt: skip
    """Set out[n, i, j, c] to the sum over taps of x times the tap's weight of channel c.

    Args:
        x: [n, height, width, channels] codes, already padded.
        weights: [kernel height, kernel width, channels] codes.
        stride: Vertical, horizontal.
        dilation: Vertical, horizontal.
        out: [n, out height, out width, channels] int32, overwritten.
    """
    channels = out.shape[3]
    for n in range(out.shape[0]):
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                for c in range(channels):
                    out[n, i, j, c] = np.int32(0)
                for a in range(weights.shape[0]):
                    row = i * stride[0] + a * dilation[0]
                    for b in range(weights.shape[1]):
                        col = j * stride[1] + b * dilation[1]
                        for c in range(channels):
                            out[n, i, j, c] = np.int32(
                                np.int64(out[n, i, j, c])
                                + np.int64(x[n, row, col, c]) * np.int64(weights[a, b, c])
                            )
