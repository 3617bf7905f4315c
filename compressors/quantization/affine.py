"""Encodings of a range: with a zero point, or about zero."""

from __future__ import annotations

import numpy as np

from compressors.quantization.scales import activation_scale, power_above
from hwsim.numerics import Quant


def asymmetric(low: float, high: float, bits: int = 8, power_of_two_scales: bool = False) -> Quant:
    """Return the signed encoding of [low, high], which holds 0.

    With 8 bits, scale = (high - low) / 255, zero point = clip(round(-128 - low / scale)) (Jacob et
    al., arXiv 1712.05877, section 3). The scale is a float32 value.
    """
    smallest, steps = -(1 << (bits - 1)), (1 << bits) - 1
    scale = step_of((high - low) / steps, power_of_two_scales)
    zero_point = int(np.clip(np.rint(smallest - low / scale), smallest, smallest + steps))
    return Quant(scale=(scale,), zero_point=(zero_point,), bits=bits)


def symmetric(low: float, high: float, bits: int, power_of_two_scales: bool = False) -> Quant:
    """Return the encoding of [low, high] whose zero point is 0.

    With 16 bits, scale = max(-low, high) / 32767 (TensorFlow Lite's 16x8 scheme). The scale is a
    float32 value.
    """
    largest = (1 << (bits - 1)) - 1
    return Quant(scale=(step_of(max(-low, high) / largest, power_of_two_scales),), bits=bits)


def step_of(scale: float, is_power_of_two: bool) -> float:
    """Return an activation's scale as a float32 value, or as the power of two above."""
    if is_power_of_two:
        scale = float(power_above(np.array([scale]))[0])
    return activation_scale(scale)
