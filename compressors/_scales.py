"""Bound scales, so that their float32 products and quotients stay normal."""

from __future__ import annotations

import numpy as np

LARGEST_SCALE = 2.0**60
"""Of an activation; weights and biases are bounded by it themselves."""

SMALLEST_SCALE = 2.0**-100
"""Of an activation; what is smaller counts as zero."""

_SMALLEST_PRODUCT = 2.0**-120
_SMALLEST_NORMAL = 2.0**-126


def activation_scale(scale: float) -> float:
    """Return `scale` as a float32 value of at least the smallest; 1 for 0."""
    return _float32(scale, SMALLEST_SCALE)


def weight_scale(scale: float, input_scale: float) -> float:
    """Return `scale` as a float32 value whose product with `input_scale` is normal; 1 for 0."""
    return _float32(scale, max(_SMALLEST_PRODUCT / input_scale, _SMALLEST_NORMAL))


def _float32(scale: float, smallest: float) -> float:
    return float(np.float32(max(scale, smallest))) if scale else 1.0
