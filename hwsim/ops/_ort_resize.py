"""Interpolation between pixels as ONNX Runtime's CPU provider computes it, float32 throughout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.kernels.patches import Pair
    from hwsim.ops._interpolation import Positions


def interpolate_float32(x: Array, size: Pair, positions: Positions) -> Array:
    """Return images of another size: four pixels, each times the product of two shares.

    Args:
        x: float32 [samples, batch, height, width, channels].
        size: Height, width of the result.
        positions: Where pixels lie.
    """
    top, bottom, below, above = _shares(x.shape[2], size[0], positions)
    left, right, behind, before = _shares(x.shape[3], size[1], positions)
    near, far = above[:, None], below[:, None]
    terms = (
        (top, left, before * near),
        (top, right, behind * near),
        (bottom, left, before * far),
        (bottom, right, behind * far),
    )
    total = np.zeros((), np.float32)
    for rows, columns, share in terms:
        total = total + share[:, :, None] * x[:, :, rows][:, :, :, columns]
    return total


def _shares(
    extent: int, size: int, positions: Positions
) -> tuple[IntArray, IntArray, Array, Array]:
    """Return the pixels before and behind each position, and its distance from either."""
    steps, one, half = np.arange(size, dtype=np.float32), np.float32(1), np.float32(0.5)
    scale = np.float32(size) / np.float32(extent)
    if scale == one:
        places = steps
    elif positions == "half_pixel":
        places = (steps + half) / scale - half
    elif positions == "align_corners":
        places = steps * np.float32(extent - 1) / np.float32(max(size - 1, 1))
    else:
        places = steps / scale
    places = np.clip(places, np.float32(0), np.float32(extent - 1))
    low = places.astype(np.int64)
    high = np.minimum(low + 1, extent - 1)
    after = np.where(low == high, half, np.abs(places - low.astype(np.float32)))
    left = np.where(low == high, half, np.abs(places - high.astype(np.float32)))
    return low, high, after, left
