"""Layers of 16-bit activations and integer weights of at most 8 bits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.ops._activation import clamped_target
from hwsim.ops._product import require_default
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.numerics import Quant, Rounding
    from hwsim.numerics.wide import Wide
    from hwsim.op import Kernel, Site
    from hwsim.ops._layer import Layer

_NARROW_BITS = 32


def is_wide(site: Site) -> bool:
    """Return whether an op at `site` takes activations of 9 to 16 bits."""
    return any(8 < type_.bits <= 16 for type_ in site.inputs if type_.quant is not None)


def wide_of(site: Site, kind: str) -> Wide:
    """Return the arithmetic of 16-bit activations at `site`.

    Raises:
        UnsupportedError: Its runtime has none, or an activation is not symmetric.
    """
    for type_ in (*site.inputs, *site.outputs):
        if type_.quant is None or type_.bits <= 8 or not type_.quant.is_symmetric:
            zero = "" if type_.quant is None else f" with zero point {type_.quant.zero_point[0]}"
            raise UnsupportedError(
                f"{site.name}: {kind} of 16-bit activations needs all of them 16 bits wide with "
                f"zero point 0, got {type_.dtype}{zero}"
            )
    if site.numerics.wide is None:
        raise UnsupportedError(
            f"{site.name}: policy {site.numerics.name!r} has no {kind} of 16-bit activations"
        )
    return site.numerics.wide


def prepare_wide(layer: Layer, site: Site) -> Kernel:
    """Return the integer function of a layer whose sums are of 64 bits, or 32 with such a bias.

    Raises:
        UnsupportedError: The weights are not symmetric 8-bit ones, or see `wide_of`.
    """
    require_default(site, f"{layer.kind} of 16-bit activations")
    wide, (x, w, y) = wide_of(site, layer.kind), _encodings(layer, site)
    is_narrow = layer.kind == "linear" and wide.is_narrow_without_bias
    if layer.bias is not None:
        is_narrow = layer.bias.bits <= _NARROW_BITS
    # In float64, sums of up to 2^30 products of 16 and 8 bits are exact in any order.
    centred = Weight(codes=layer.weight.codes.astype(np.float32))
    sums = replace(layer, weight=centred, bias=None, activation="none").reference
    bias = np.zeros(1, np.int64) if layer.bias is None else layer.bias.codes.astype(np.int64)
    requantize = _rounding(layer, site, wide, is_narrow=is_narrow).bind(
        x.scale[0], np.asarray(w.scale), y.scale[0], clamped_target(layer.activation, y)
    )

    def run(codes: Array) -> tuple[Array, ...]:
        (total,) = sums(codes.astype(np.float64))
        accumulators: IntArray = total.astype(np.int64) + bias
        return (requantize(accumulators.astype(np.int32) if is_narrow else accumulators),)

    return run


def _encodings(layer: Layer, site: Site) -> tuple[Quant, Quant, Quant]:
    x, w, y = site.inputs[0].quant, layer.weight.quant, site.outputs[0].quant
    if x is None or w is None or y is None or w.bits > 8 or not w.is_symmetric:
        got = "float32 ones" if w is None else f"{w.bits} bits, zero points {set(w.zero_point)}"
        raise UnsupportedError(
            f"{site.name}: {layer.kind} of 16-bit activations needs integer weights of at most 8 "
            f"bits with zero point 0, got {got}"
        )
    return x, w, y


def _rounding(layer: Layer, site: Site, wide: Wide, *, is_narrow: bool) -> Rounding:
    if not is_narrow:
        return wide.linear if layer.kind == "linear" else wide.conv
    narrow = wide.narrow_linear if layer.kind == "linear" else wide.narrow_conv
    if narrow is None:
        raise UnsupportedError(
            f"{site.name}: how policy {site.numerics.name!r} rounds {layer.kind} of 16-bit "
            "activations with sums of 32 bits is not known; a 64-bit bias makes them 64"
        )
    return narrow
