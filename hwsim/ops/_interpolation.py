"""Where the pixels of a resized image come from, and how runtimes mix codes between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from hwsim.numerics.rounding import round_away

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, IntArray
    from hwsim.kernels.patches import Pair

Positions: TypeAlias = Literal["asymmetric", "half_pixel", "align_corners"]
"""Where pixel i of `size` lies among `extent`, the scale being extent / size:

* asymmetric: i * scale;
* half_pixel: (i + 1/2) * scale - 1/2, pixels being squares;
* align_corners: i * (extent - 1) / (size - 1): first and last lie on each other.
"""

# Fractional bits of TFLite's integer positions, and of XNNPACK's shares.
_TFLITE_BITS, _XNNPACK_BITS = 10, 11
_ONE = np.float32(1)


def nearest(extent: int, size: int, positions: Positions) -> IntArray:
    """Return which of `extent` pixels each of `size` copies, in float32 as TFLite does."""
    offset = np.float32(0.5 if positions == "half_pixel" else 0)
    places = (np.arange(size, dtype=np.float32) + offset) * _scale(extent, size, positions)
    chosen = round_away(places) if positions == "align_corners" else np.floor(places)
    return np.clip(chosen, 0, extent - 1).astype(np.int64)


def _scale(extent: int, size: int, positions: Positions) -> np.float32:
    if positions == "align_corners" and size > 1:
        return np.float32(extent - 1) / np.float32(size - 1)
    return np.float32(extent) / np.float32(size)


def _places(extent: int, size: int, positions: Positions) -> Array:
    """Return float32 positions, which half pixels may bring outside."""
    steps, scale = np.arange(size, dtype=np.float32), _scale(extent, size, positions)
    if positions == "half_pixel":
        return (steps + np.float32(0.5)) * scale - np.float32(0.5)
    return steps * scale


def interpolate_reals(x: FloatArray, size: Pair, positions: Positions) -> FloatArray:
    """Return [samples, batch, *size, channels] of [samples, batch, height, width, channels]."""
    for axis in range(2):
        low, high, share = neighbours(x.shape[2 + axis], size[axis], positions)
        share = share.reshape(-1, *(1,) * (2 - axis))
        x = np.take(x, low, axis=2 + axis) * (1 - share) + np.take(x, high, axis=2 + axis) * share
    return x


def neighbours(
    extent: int, size: int, positions: Positions
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the pixels before and behind each position, and the share of the second."""
    if positions == "align_corners" and size > 1:
        places = np.arange(size) * ((extent - 1) / (size - 1))
    elif positions == "half_pixel":
        places = (np.arange(size) + 0.5) * (extent / size) - 0.5
    else:
        places = np.arange(size) * (extent / size)
    inside: FloatArray = np.clip(places, 0, extent - 1).astype(np.float64)
    low = np.floor(inside).astype(np.int64)
    return low, np.minimum(low + 1, extent - 1), inside - low


def mix_tflite(x: IntArray, size: Pair, positions: Positions) -> IntArray:
    """Return TFLite's codes: positions of 10 fractional bits, halves away from zero."""
    (top, bottom, down), (left, right, across) = (
        _fixed_places(x.shape[2 + axis], size[axis], positions) for axis in range(2)
    )
    down, across, one = down.reshape(-1, 1, 1), across.reshape(-1, 1), 1 << _TFLITE_BITS
    wide = x.astype(np.int64)
    upper = _mixed(wide[:, :, top], left, right, one - across, across)
    lower = _mixed(wide[:, :, bottom], left, right, one - across, across)
    total = upper * (one - down) + lower * down
    half = 1 << (2 * _TFLITE_BITS - 1)
    return np.sign(total) * ((np.abs(total) + half) >> (2 * _TFLITE_BITS))


def _mixed(rows: Array, left: IntArray, right: IntArray, near: Array, far: Array) -> Array:
    return rows[:, :, :, left] * near + rows[:, :, :, right] * far


def _fixed_places(
    extent: int, size: int, positions: Positions
) -> tuple[IntArray, IntArray, IntArray]:
    """Return the pixels before and behind each position, and what is left, of 10 bits."""
    one = 1 << _TFLITE_BITS
    steps = np.arange(size)
    if positions == "align_corners" and size > 1:
        scaled = steps * ((one * (extent - 1) + (size - 1) // 2) // (size - 1))
    else:
        scale = (one * extent + size // 2) // size
        scaled = steps * scale + (scale // 2 - one // 2 if positions == "half_pixel" else 0)
    low = np.clip(np.sign(scaled) * (np.abs(scaled) >> _TFLITE_BITS), 0, extent - 1)
    high = np.minimum((scaled + one - 1) >> _TFLITE_BITS, extent - 1)
    return low, high, scaled - one * low


def mix_float32(x: IntArray, size: Pair, positions: Positions) -> IntArray:
    """Return TFLite's unsigned codes: float32 sums in its order, and a half to cut at."""
    (upper, right, lower, corner), (down, across) = _corners(x, size, positions)
    terms = (
        upper * (_ONE - down) * (_ONE - across),
        lower * down * (_ONE - across),
        right * (_ONE - down) * across,
        corner * down * across,
    )
    return (terms[0] + terms[1] + terms[2] + terms[3] + np.float32(0.5)).astype(np.int64)


def mix_weights(x: IntArray, size: Pair, positions: Positions) -> IntArray:
    """Return LiteRT's optimized unsigned codes: as `mix_float32`, the shares multiplied first."""
    (upper, right, lower, corner), (down, across) = _corners(x, size, positions)
    terms = (
        upper * ((_ONE - down) * (_ONE - across)),
        right * ((_ONE - down) * across),
        lower * (down * (_ONE - across)),
        corner * (down * across),
    )
    return (terms[0] + terms[1] + terms[2] + terms[3] + np.float32(0.5)).astype(np.int64)


def _corners(
    x: IntArray, size: Pair, positions: Positions
) -> tuple[tuple[Array, Array, Array, Array], tuple[Array, Array]]:
    """Return float32 neighbours (upper left and right, lower left and right) and shares."""
    places = [_places(x.shape[2 + axis], size[axis], positions) for axis in range(2)]
    low = [np.maximum(np.floor(p), 0).astype(np.int64) for p in places]
    high = [
        np.minimum(np.ceil(p), x.shape[2 + axis] - 1).astype(np.int64)
        for axis, p in enumerate(places)
    ]
    down, across = (p - n.astype(np.float32) for p, n in zip(places, low, strict=True))
    real = x.astype(np.float32)
    rows = real[:, :, low[0]], real[:, :, high[0]]
    (upper, right), (lower, corner) = ((r[:, :, :, low[1]], r[:, :, :, high[1]]) for r in rows)
    return (upper, right, lower, corner), (down.reshape(-1, 1, 1), across.reshape(-1, 1))


def mix_xnnpack(x: IntArray, size: Pair, positions: Positions) -> IntArray:
    """Return XNNPACK's codes: shares of 11 bits, rounded to even; sums rounded half up."""
    (top, bottom, down), (left, right, across) = (
        _shares(x.shape[2 + axis], size[axis], positions) for axis in range(2)
    )
    down, across, one = down.reshape(-1, 1, 1), across.reshape(-1, 1), 1 << _XNNPACK_BITS
    wide = x.astype(np.int64)
    upper = _mixed(wide[:, :, top], left, right, one - across, across)
    lower = _mixed(wide[:, :, bottom], left, right, one - across, across)
    total = upper * (one - down) + lower * down
    return (total + (1 << (2 * _XNNPACK_BITS - 1))) >> (2 * _XNNPACK_BITS)


def _shares(extent: int, size: int, positions: Positions) -> tuple[IntArray, IntArray, IntArray]:
    """Return the pixels before and behind each position, and the share of the second."""
    scale = _scale(extent, size, positions)
    places = np.arange(size, dtype=np.float32) * scale
    if positions == "half_pixel":
        places = places + (np.float32(0.5) * scale - np.float32(0.5))
    places = np.clip(places, np.float32(0), np.float32(extent - 1))
    low = places.astype(np.int64)
    share = np.rint((places - low.astype(np.float32)) * np.float32(1 << _XNNPACK_BITS))
    return low, np.minimum(low + 1, extent - 1), share.astype(np.int64)
