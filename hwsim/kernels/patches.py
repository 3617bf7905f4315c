"""Gather image patches (im2col): one row per output position, one column per weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from hwsim.arrays import Array

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]


def pad_image(x: Array, padding: Padding, fill: float) -> Array:
    """Return images [n, height, width, channels] with `fill` around them."""
    if not any(padding[0] + padding[1]):
        return x
    return np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)


def windows(x: Array, kernel: Pair, stride: Pair, dilation: Pair) -> Array:
    """Return a view [n, out height, out width, kernel height, kernel width, channels].

    Args:
        x: [n, height, width, channels], padded already.
        kernel: Height, width.
        stride: Vertical, horizontal.
        dilation: Vertical, horizontal.
    """
    reach = ((kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1)
    view = sliding_window_view(x, reach, axis=(1, 2))  # pyright: ignore
    view = view[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return view.transpose(0, 1, 2, 4, 5, 3)


def same_padding(extent: int, kernel: int, stride: int, dilation: int = 1) -> Pair:
    """Return the padding before and after that keeps ceil(extent / stride) positions.

    An odd one goes behind, as in TensorFlow.
    """
    reach = (kernel - 1) * dilation + 1
    total = max((-(-extent // stride) - 1) * stride + reach - extent, 0)
    return total // 2, total - total // 2


def out_extent(extent: int, padding: Pair, kernel: int, stride: int, dilation: int) -> int:
    """Return how many windows fit along one axis; < 1 where none does."""
    return (extent + sum(padding) - (kernel - 1) * dilation - 1) // stride + 1
