"""Bound scales, so that their float32 products and quotients stay normal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray

LARGEST_SCALE = 2.0**60
"""Of an activation; weights and biases are bounded by it themselves."""

SMALLEST_SCALE = 2.0**-100
"""Of an activation; what is smaller counts as zero."""

_SMALLEST_PRODUCT = 2.0**-120
_SMALLEST_NORMAL = 2.0**-126
_SMALLEST_HALF = 2.0**-24

LARGEST_HALF = 65504.0
"""Of float16: of a group's scale of 16 bits."""


def activation_scale(scale: float) -> float:
    """Return `scale` as a float32 value of at least the smallest; 1 for 0."""
    return _float32(scale, SMALLEST_SCALE)


def weight_scale(scale: float, input_scale: float) -> float:
    """Return `scale` as a float32 value whose product with `input_scale` is normal; 1 for 0."""
    return _float32(scale, max(_SMALLEST_PRODUCT / input_scale, _SMALLEST_NORMAL))


def group_scale(scale: float, bits: int) -> float:
    """Return `scale` as a value of 16 or 32 bits that is not 0; 1 for 0."""
    if not scale:
        return 1.0
    if bits == 32:
        return _float32(scale, _SMALLEST_NORMAL)
    return float(np.float16(min(max(scale, _SMALLEST_HALF), LARGEST_HALF)))


def _float32(scale: float, smallest: float) -> float:
    return float(np.float32(max(scale, smallest))) if scale else 1.0


def power_above(scales: FloatArray) -> FloatArray:
    """Return the least powers of two that are not smaller; 0 stays 0."""
    mantissa, exponent = np.frexp(scales)
    return np.ldexp(np.where(mantissa > 0, 1.0, 0.0), exponent - (mantissa == 0.5))


def nearest_power(scales: FloatArray) -> FloatArray:
    """Return the powers of two of nearest exponent, 2^rint(log2 scale); 0 stays 0."""
    logs = np.log2(scales, out=np.zeros_like(scales), where=scales > 0)
    return np.where(scales > 0, np.exp2(np.rint(logs)), 0.0)
