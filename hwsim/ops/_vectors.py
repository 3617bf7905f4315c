"""Conversions as LiteRT's optimized kernels compute them: whole vectors, then what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.numerics.rounding import Gemmlowp, HalfUpTwice, round_away
from hwsim.ops._activation import clamped_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import Array, IntArray
    from hwsim.numerics import Quant

# Elements of one vector step, to and from reals and from codes to codes.
_LANES, _RECODE_LANES = 8, 16


def encode_vectors(y: Quant) -> Callable[[Array], IntArray]:
    """Return the encoding of reals: times 1 / scale, to even; left: a float64 quotient, away."""
    scale = np.float32(y.scale[0])
    inverse = np.float32(1.0 / np.float64(scale))

    def encode(x: Array) -> IntArray:
        steps = _joined(
            x.astype(np.float32),
            _LANES,
            lambda part: np.rint(part * inverse),
            lambda part: round_away(part.astype(np.float64) / np.float64(scale)),
        )
        # In float64, where no step of float32 is lost and large reals stay in range.
        return np.clip(steps.astype(np.float64) + y.zero_point[0], y.low, y.high).astype(y.dtype)

    return encode


def recode_vectors(x: Quant, y: Quant) -> Callable[[IntArray], IntArray]:
    """Return the change of encoding: half up twice; left: gemmlowp's rounding."""
    target = clamped_target("none", y)
    vectors, left = (
        rounding.bind(x.scale[0], np.ones(1), y.scale[0], target)
        for rounding in (HalfUpTwice(), Gemmlowp())
    )
    return lambda codes: _joined(
        codes.astype(np.int32) - x.zero_point[0], _RECODE_LANES, vectors, left
    )


def decode_vectors(x: Quant) -> Callable[[IntArray], Array]:
    """Return the reals of codes: code * scale - zero point * scale in float32; left: as ever."""
    scale = np.float32(x.scale[0])
    offset = np.float32(-x.zero_point[0] * np.float64(scale))
    return lambda codes: _joined(
        codes, _LANES, lambda part: part.astype(np.float32) * scale + offset, x.decode
    )


def _joined(
    x: Array, lanes: int, vectors: Callable[[Array], Array], left: Callable[[Array], Array]
) -> Array:
    """Return `vectors` of the whole vectors of each sample of `x`, and `left` of what is left."""
    flat = x.reshape(len(x), -1)
    whole = flat.shape[1] // lanes * lanes
    parts = vectors(flat[:, :whole, None]), left(flat[:, whole:, None])
    return np.concatenate(parts, axis=1).reshape(x.shape)
