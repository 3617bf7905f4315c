"""Squared differences of 8-bit codes, as TFLite computes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import kernel
from hwsim.numerics.rounding import fixed_point, gemmlowp_round
from hwsim.ops._activation import clamped_target
from hwsim.ops._elementwise import aligned

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.numerics import Quant
    from hwsim.op import Kernel

# Both operands are scaled by 2^7 before they are rescaled; so a square keeps 32 bits.
_LEFT_SHIFT = 7


def bind_squared_difference(a: Quant, b: Quant, y: Quant) -> Kernel:
    """Return TFLite's: operands over twice the larger scale, shifted left, then a rescale."""
    twice_max = 2.0 * max(a.scale[0], b.scale[0])
    reals = (
        a.scale[0] / twice_max,
        b.scale[0] / twice_max,
        twice_max**2 / ((1 << (2 * _LEFT_SHIFT)) * y.scale[0]),
    )
    mantissa, exponent = fixed_point(np.array(reals))
    target = clamped_target("none", y)
    constants = np.array(
        [a.zero_point[0], b.zero_point[0], target.zero_point, target.low, target.high], np.int64
    )

    def run(left: Array, right: Array) -> tuple[Array, ...]:
        both = np.broadcast_arrays(*aligned(left, right))
        out = np.empty(both[0].shape, target.dtype)
        _squared(both[0].ravel(), both[1].ravel(), mantissa, exponent, constants, out.reshape(-1))
        return (out,)

    return run


@kernel
def _squared(
    a: IntArray, b: IntArray, mantissa: IntArray, exponent: IntArray, constants: IntArray,
    out: IntArray,
) -> None:  # fmt: skip
    for i in range(out.shape[0]):
        left = (int(a[i]) - constants[0]) << _LEFT_SHIFT
        right = (int(b[i]) - constants[1]) << _LEFT_SHIFT
        difference = gemmlowp_round(left, mantissa[0], exponent[0]) - gemmlowp_round(
            right, mantissa[1], exponent[1]
        )
        y = gemmlowp_round(difference * difference, mantissa[2], exponent[2]) + constants[2]
        out[i] = min(max(y, constants[3]), constants[4])
