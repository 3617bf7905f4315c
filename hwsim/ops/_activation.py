"""Activations that a kernel fuses: a clamp of its output codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from hwsim.numerics.rounding import Target

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray
    from hwsim.numerics import Quant

Fused: TypeAlias = Literal["none", "relu", "relu6", "relu_n1_to_1"]

BOUNDS: dict[Fused, tuple[float, float]] = {
    "none": (-np.inf, np.inf),
    "relu": (0.0, np.inf),
    "relu6": (0.0, 6.0),
    "relu_n1_to_1": (-1.0, 1.0),
}


def apply_fused(activation: Fused, real: FloatArray) -> FloatArray:
    """Return `real` clamped to the activation's bounds."""
    return np.clip(real, *BOUNDS[activation])


def clamped_target(activation: Fused, quant: Quant) -> Target:
    """Return where codes of `quant` go once `activation` has clamped them."""
    zero_point = quant.zero_point[0]
    low, high = BOUNDS[activation]
    return Target(
        zero_point=zero_point,
        low=quant.low if low == -np.inf else max(quant.low, _code(low, quant)),
        high=quant.high if high == np.inf else min(quant.high, _code(high, quant)),
        dtype=quant.dtype,
    )


def _code(bound: float, quant: Quant) -> int:
    """Return the code of `bound` as TFLite computes it: a float32 quotient, halves away."""
    steps = np.float32(bound) / np.float32(quant.scale[0])
    return quant.zero_point[0] + int(np.sign(steps) * np.floor(np.abs(steps) + np.float32(0.5)))
