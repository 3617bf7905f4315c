"""Layers of activations or weights of 9 to 16 bits.

Activations of 16 bits beside weights of at most 8 are TensorFlow Lite's 16x8 scheme, and computed
as each runtime computes it. No runtime has kernels of other widths above 8 bits: activations of 9
to 15 bits, and weights of 9 to 16 bits beside activations of 2 to 16, are summed exactly in 64 bits
and rounded as the same runtime rounds its 16x8 layers. That is defined here, compared with nothing.
"""

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
# Sums are products with a mantissa of 15 bits before they are rounded, in 64 bits.
_LARGEST_SUM = 1 << 47


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


def is_wide_layer(site: Site, weight: Weight) -> bool:
    """Return whether a layer at `site` takes activations, or integer weights, of 9 to 16 bits."""
    is_integer = all(type_.quant is not None for type_ in (*site.inputs, *site.outputs))
    return is_wide(site) or (is_integer and weight.quant is not None and 8 < weight.bits <= 16)


def prepare_wide(layer: Layer, site: Site) -> Kernel:
    """Return the integer function of a layer whose sums are of 64 bits, or 32 with such a bias.

    Raises:
        UnsupportedError: The weights are not symmetric ones of at most 16 bits, sums could leave 47
            bits, or see `wide_of`.
    """
    require_default(site, f"{layer.kind} of more than 8 bits")
    wide, (x, w, y) = _policy(layer, site), _encodings(layer, site)
    is_narrow = layer.kind == "linear" and wide.is_narrow_without_bias
    if layer.bias is not None:
        is_narrow = layer.bias.bits <= _NARROW_BITS
    is_narrow = is_narrow and w.bits <= 8
    # In float64, sums of less than 2^53 are exact in any order.
    centred = Weight(codes=layer.weight.codes.astype(np.float32))
    sums = replace(layer, weight=centred, bias=None, activation="none").reference
    bias = np.zeros(1, np.int64) if layer.bias is None else layer.bias.codes.astype(np.int64)
    _require_room(layer, site, x, bias)
    requantize = _rounding(layer, site, wide, is_narrow=is_narrow).bind(
        x.scale[0], np.asarray(w.scale), y.scale[0], clamped_target(layer.activation, y)
    )

    def run(codes: Array) -> tuple[Array, ...]:
        # Padding inserts what means 0, so the zero point goes first.
        (total,) = sums(codes.astype(np.float64) - x.zero_point[0])
        accumulators: IntArray = total.astype(np.int64) + bias
        return (requantize(accumulators.astype(np.int32) if is_narrow else accumulators),)

    return run


def _policy(layer: Layer, site: Site) -> Wide:
    """Return the arithmetic of the layer.

    Raises:
        UnsupportedError: See `wide_of`.
    """
    if is_wide(site):
        return wide_of(site, layer.kind)
    if site.numerics.wide is None:
        raise UnsupportedError(
            f"{site.name}: policy {site.numerics.name!r} has no {layer.kind} of weights of "
            f"{layer.weight.bits} bits; at most 8 have kernels"
        )
    return site.numerics.wide


def _require_room(layer: Layer, site: Site, x: Quant, bias: IntArray) -> None:
    """Refuse a layer whose sums could leave the bits that its rounding takes.

    Raises:
        UnsupportedError: They could.
    """
    reach = max(abs(end - x.zero_point[0]) for end in (x.low, x.high))
    totals = np.abs(layer.weight.matrix.astype(np.int64)).sum(axis=1)
    largest = int((reach * totals + np.abs(bias)).max(initial=0))
    if largest >= _LARGEST_SUM and layer.weight.bits > 8:
        raise UnsupportedError(
            f"{site.name}: {layer.kind} of {layer.weight.bits}-bit weights could sum to "
            f"{largest:.3g}, 48 bits hold {_LARGEST_SUM:.3g}; use fewer bits"
        )


def _encodings(layer: Layer, site: Site) -> tuple[Quant, Quant, Quant]:
    x, w, y = site.inputs[0].quant, layer.weight.quant, site.outputs[0].quant
    if x is None or w is None or y is None or w.bits > 16 or not w.is_symmetric:
        got = "float32 ones" if w is None else f"{w.bits} bits, zero points {set(w.zero_point)}"
        raise UnsupportedError(
            f"{site.name}: {layer.kind} of more than 8 bits needs integer weights of at most 16 "
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
