"""Scales of channels that make what produces and what reads each of them of equal range."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.channels.layers import group_count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compressors.quantization.scalable import Scalable
    from hwsim.arrays import FloatArray, IntArray
    from hwsim.channels.layers import Layer

# Sweeps over all layers end once no scale moves by more than this part, or at the latest here.
_STILL = 1e-5
_MOST_SWEEPS = 1000


def equal_scales(layers: Mapping[str, Layer], scalable: Scalable) -> FloatArray:
    """Return what to divide each channel by, by channel number; 1 for those that are not free.

    Channel i between W1 and W2 gets s_i = sqrt(r1_i r2_i) / r2_i of the largest magnitudes r1_i of
    its filter in W1 and r2_i of the weights in W2 that read it; W1 and its bias are divided by s_i,
    W2 is multiplied (Nagel et al., "Data-Free Quantization", arXiv 1906.04721, section 4.1, eq. 11,
    with ranges 2 max |w|). Layer after layer, until nothing changes. Where several layers make or
    read a channel, such as around a residual sum, r1 and r2 are the largest of each side. Channels
    of which one side is zero stay as they are.

    Args:
        layers: Of real weights, by node.
        scalable: Of their graph.
    """
    scales = np.ones(len(scalable.is_free))
    for _ in range(_MOST_SWEEPS):
        before = scales.copy()
        for name in layers:
            own = np.unique(scalable.makes[name])
            own = own[scalable.is_free[own]]
            if len(own):
                _equalize(own, scales, _neighbours(layers, scalable, own), scalable)
        if np.abs(np.log(scales / before)).max() < _STILL:
            break
    return scales


def _neighbours(layers: Mapping[str, Layer], scalable: Scalable, own: IntArray) -> dict[str, Layer]:
    """Return the layers that make or read some of the channels `own`."""
    mark = np.zeros(len(scalable.is_free), bool)
    mark[own] = True
    return {
        name: layer
        for name, layer in layers.items()
        if mark[scalable.makes[name]].any() or mark[scalable.reads[name]].any()
    }


def _equalize(
    own: IntArray, scales: FloatArray, layers: Mapping[str, Layer], scalable: Scalable
) -> None:
    """Update the scales of the channels `own` in place."""
    made, read = np.zeros_like(scales), np.zeros_like(scales)
    for name, layer in layers.items():
        makes, reads = scalable.makes[name], scalable.reads[name]
        magnitudes = np.abs(scaled(layer, scales[makes], scales[reads]).weight.real())
        np.maximum.at(made, makes, magnitudes.reshape(len(makes), -1).max(axis=1))
        groups = group_count(layer)
        columns = magnitudes.reshape(groups, -1, magnitudes.shape[-1]).max(axis=1)
        np.maximum.at(read, reads, columns.reshape(-1))
    alive = own[(made[own] > 0.0) & (read[own] > 0.0)]
    scales[alive] *= np.sqrt(made[alive] / read[alive])


def scaled(layer: Layer, makes: FloatArray, reads: FloatArray) -> Layer:
    """Return `layer` for operands divided by `reads`, making results divided by `makes`.

    Args:
        layer: Of real weights.
        makes: Per filter, [out].
        reads: Per position on the operand's last axis.
    """
    weight = layer.weight
    groups = group_count(layer)
    per_filter = np.repeat(reads.reshape(groups, -1), len(makes) // groups, axis=0)
    inner = (1,) * (len(weight.shape) - 2)
    factor = per_filter.reshape(len(makes), *inner, -1) / makes.reshape(-1, *inner, 1)
    bias = layer.bias
    if bias is not None:
        bias = bias.with_real(bias.real() / makes)
    return replace(layer, weight=weight.with_real(weight.real() * factor), bias=bias)
