"""Scales of weights: per tensor, channel or group, widest or of least error, powers of two."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from compressors.quantization.scales import group_scale
from hwsim.numerics import Quant

if TYPE_CHECKING:
    from compressors.quantization.schemes._scheme import Scheme
    from hwsim.arrays import FloatArray

Granularity: TypeAlias = Literal["channel", "tensor"]
"""One scale per output channel, or per tensor."""

Clip: TypeAlias = Literal["max", "mse"]
"""Whether the scale holds the largest weight, or is of least squared error."""

# Parts of the largest weight that are tried as the end of the range, the whole first.
_RATIOS = tuple(hundredths / 100 for hundredths in range(100, 9, -1))
_HALVINGS = (1.0, 0.5, 0.25, 0.125)


def units(real: FloatArray, granularity: Granularity, group: int | None) -> FloatArray:
    """Return the weights that share a scale side by side: [scales, weights], filled up with 0.

    Args:
        real: [out, rest].
        granularity: Without groups.
        group: Neighbours of a row that share a scale; None: all of a row, or of the tensor.
    """
    if group is not None:
        return np.pad(real, ((0, 0), (0, -real.shape[1] % group))).reshape(-1, group)
    return real.reshape(1, -1) if granularity == "tensor" else real


def symmetric_quant(
    scales: FloatArray,
    bits: int,
    granularity: Granularity,
    group: int | None = None,
    scale_bits: int = 32,
) -> Quant:
    """Return the encoding of zero point 0 with these scales; 0 becomes 1."""
    return Quant(
        scale=tuple(group_scale(scale, scale_bits) for scale in scales.tolist()),
        zero_point=(0,) * len(scales),
        axis=0 if granularity == "channel" or group is not None else None,
        bits=bits,
        group=group,
        scale_bits=scale_bits,
    )


def least_error(scheme: Scheme, real: FloatArray, widest: Quant, is_power_of_two: bool) -> Quant:
    """Return `widest` with each scale cut to where the squared error of its weights is least.

    Ranges of 100, 99, ... 10 per cent are tried, of equal ones the widest is kept; the optimum is
    that of OCTAV (Sakr et al., arXiv 2206.06501, section 3), which iterates on a model of the error
    where this measures it. Scales that are powers of two are halved instead.

    Args:
        scheme: Whose codes count.
        real: [out, rest].
        widest: Zero point 0.
        is_power_of_two: Of its scales.
    """
    granularity: Granularity = "tensor" if widest.axis is None else "channel"
    scales = np.asarray(widest.scale)
    best, least = scales, np.full(len(scales), np.inf)
    for ratio in _HALVINGS if is_power_of_two else _RATIOS:
        tried = symmetric_quant(
            ratio * scales, widest.bits, granularity, widest.group, widest.scale_bits
        )
        off = tried.decode(scheme.codes(real, tried)) - real
        errors = (units(off, granularity, widest.group) ** 2).sum(axis=1)
        best = np.where(errors < least, tried.scale, best)
        least = np.minimum(errors, least)
    return replace(widest, scale=tuple(best.tolist()))
