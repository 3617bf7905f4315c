"""Schemes of unequal levels: the nearest one, and the scale that the largest needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from compressors.quantization.scales import power_above
from compressors.quantization.schemes._scales import (
    Clip,
    Granularity,
    least_error,
    symmetric_quant,
    units,
)
from compressors.quantization.schemes._scheme import Scheme

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray, IntArray
    from hwsim.numerics import Quant


class Levelled(Scheme, Protocol):
    """A scheme of levels that a scale stretches over the weights."""

    @property
    def granularity(self) -> Granularity:
        """What shares a scale."""
        ...

    @property
    def clip(self) -> Clip:
        """How the largest level is chosen."""
        ...


def quant_of_levels(scheme: Levelled, real: FloatArray) -> Quant:
    """Return the encoding whose largest level is the largest weight, or of least error."""
    largest = np.abs(units(real, scheme.granularity, None)).max(axis=1, initial=0.0)
    scales = largest / scheme.levels()[-1]
    if scheme.power_of_two_scales:
        scales = power_above(scales)
    widest = symmetric_quant(scales, scheme.bits, scheme.granularity)
    if scheme.clip == "max":
        return widest
    return least_error(scheme, real, widest, scheme.power_of_two_scales)


def nearest_level(levels: IntArray, real: FloatArray, quant: Quant) -> IntArray:
    """Return the level nearest to each weight, ties the one of larger magnitude.

    Args:
        levels: Ascending, the negatives of all among them.
        real: [out, rest].
        quant: Zero point 0.
    """
    positive = levels[levels >= 0]
    middles = (positive[1:] + positive[:-1]) / 2
    scale, _ = quant.spread(real.shape)
    steps = real / scale
    magnitudes = positive[np.searchsorted(middles, np.abs(steps), side="right")]
    return (np.sign(steps).astype(np.int64) * magnitudes).astype(quant.dtype)
