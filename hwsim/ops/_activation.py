"""Activations that a kernel fuses: a clamp of its output codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from hwsim.numerics.rounding import Target, round_away

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray
    from hwsim.numerics import Quant

Fused: TypeAlias = Literal["none", "relu", "relu6", "relu_0_to_1", "relu_n1_to_1"]
Clamp: TypeAlias = Literal["tflite", "xnnpack", "ort"]

BOUNDS: dict[Fused, tuple[float, float]] = {
    "none": (-np.inf, np.inf),
    "relu": (0.0, np.inf),
    "relu6": (0.0, 6.0),
    "relu_0_to_1": (0.0, 1.0),
    "relu_n1_to_1": (-1.0, 1.0),
}


def apply_fused(activation: Fused, real: FloatArray) -> FloatArray:
    """Return `real` clamped to the activation's bounds."""
    return np.clip(real, *BOUNDS[activation])


def clamped_target(activation: Fused, quant: Quant, clamp: Clamp = "tflite") -> Target:
    """Return where codes of `quant` go once `activation` has clamped them.

    Args:
        activation: Whose bounds become codes.
        quant: Of the output.
        clamp: `tflite` rounds halves away from zero, then adds the zero point; `xnnpack` adds it
            first and rounds halves to even; `ort` rounds halves to even, then adds it.
    """
    # XNNPACK leaves codes of more than 8 bits to TFLite.
    formula = "tflite" if clamp == "xnnpack" and quant.bits > 8 else clamp
    encode = {"tflite": _code_tflite, "xnnpack": _code_xnnpack, "ort": _code_ort}[formula]
    low, high = BOUNDS[activation]
    return Target(
        zero_point=quant.zero_point[0],
        low=quant.low if low == -np.inf else max(quant.low, encode(low, quant)),
        high=quant.high if high == np.inf else min(quant.high, encode(high, quant)),
        dtype=quant.dtype,
    )


def _code_tflite(bound: float, quant: Quant) -> int:
    return quant.zero_point[0] + int(round_away(_steps(bound, quant)))


def _code_xnnpack(bound: float, quant: Quant) -> int:
    return int(np.rint(_steps(bound, quant) + np.float32(quant.zero_point[0])))


def _code_ort(bound: float, quant: Quant) -> int:
    return quant.zero_point[0] + int(np.rint(_steps(bound, quant)))


def _steps(bound: float, quant: Quant) -> Array:
    return np.asarray(np.float32(bound) / np.float32(quant.scale[0]))
