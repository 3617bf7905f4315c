"""What stands beside a layer in a model of its own: the inference, and the model's ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np

from hwsim.calibrate.layers import TYPES, Layer
from hwsim.errors import MeasurementError

TINY: Final = tuple(Layer(kind="tanh", types=types, size=2, channels=8, out=8) for types in TYPES)
IN_A_ROW: Final = 9
# Square layers whose kernels may want another order of axes than the model's ends have.
EDGED: Final = tuple(
    Layer(kind="pointwise_conv2d", types="f32", size=size, channels=channels, out=channels)
    for size, channels in ((7, 256), (14, 128), (28, 64), (28, 16))
)
EDGED_IN_A_ROW: Final = 3

Rows: TypeAlias = Mapping[tuple[Layer | None, int], float]
"""Cycles of a layer that stands so often in a row."""


def inference_cycles(rows: Rows) -> float:
    """Return what an inference costs beside its layers: a tiny layer less its share of many.

    Raises:
        MeasurementError: No tiny layer was measured both alone and in a row.
    """
    found = _beside(rows, TINY, IN_A_ROW)
    if not found:
        raise MeasurementError(
            "this host is too busy: expected undisturbed samples of a tiny layer, got none; "
            "end what else runs, or give --patience more"
        )
    return max(0.0, float(np.mean(found)))


def edge_cycles(rows: Rows, inference: float) -> float:
    """Return cycles per element of the model's ends, in the median of some layers; 0 if unknown."""
    measured = [layer for layer in EDGED if (layer, 1) in rows]
    per_element = [
        (beside - inference) / (layer.size**2 * layer.channels + layer.outputs)
        for layer in measured
        for beside in _beside(rows, (layer,), EDGED_IN_A_ROW)
    ]
    return max(0.0, float(np.median(per_element))) if per_element else 0.0


def _beside(rows: Rows, layers: Sequence[Layer], most: int) -> list[float]:
    """Return what one layer costs more than each of `most` in a row, by layer measured as both."""
    return [
        rows[layer, 1] - (rows[layer, most] - rows[layer, 1]) / (most - 1)
        for layer in layers
        if {(layer, 1), (layer, most)} <= rows.keys()
    ]
