"""Bound scales, so that their float32 products and quotients stay normal."""

from __future__ import annotations

import numpy as np

LARGEST_SCALE = 2.0**60
"""Of an activation; weights and biases are bounded by it themselves."""

# What is smaller counts as zero: products of two such scales are still normal, 2^-120.
_SMALLEST_SCALE = 2.0**-60


def float32_scale(scale: float) -> float:
    """Return `scale` as a float32 value; 1 for 0, and never below 2^-60."""
    if scale == 0.0:
        return 1.0
    return float(np.float32(max(scale, _SMALLEST_SCALE)))
