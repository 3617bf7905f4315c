"""Hard swish of 8-bit codes, as TFLite computes it in 16-bit fixed point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.kernels.hard_swish import hard_swish_steps
from hwsim.numerics.rounding import fixed_point
from hwsim.ops._table import tabulated

if TYPE_CHECKING:
    from hwsim.arrays import IntArray
    from hwsim.numerics import Quant
    from hwsim.op import Kernel

# A code is shifted left by 7 bits; 3.0 becomes 2^15.
_FINE = np.float32(1 / 128)
_UNIT_SCALE = np.float32(3) / np.float32(1 << 15)
_MANTISSA_MAX = (1 << 31) - 1 - (1 << 15)


def bind_hard_swish(where: str, x: Quant, y: Quant) -> Kernel:
    """Return the function of codes, a table of 256.

    Raises:
        UnsupportedError: The output's steps are finer than the kernel can reach.
    """
    fine = np.float32(x.scale[0]) * _FINE
    output = _short(fine / np.float32(y.scale[0]))
    if output[1] > 0:
        raise UnsupportedError(
            f"{where}: integer hard_swish needs output steps of at least 1/128 input step, got "
            f"{y.scale[0]:g} for {x.scale[0]:g}"
        )
    unit = _short(fine / _UNIT_SCALE)

    def convert(centred: IntArray) -> IntArray:
        steps = np.empty(centred.size, np.int64)
        hard_swish_steps(centred.reshape(-1).astype(np.int64), unit, output, steps)
        codes = steps.reshape(centred.shape) + y.zero_point[0]
        return np.clip(codes, y.low, y.high).astype(y.dtype)

    return tabulated(x, convert)


def _short(multiplier: np.float32) -> IntArray:
    """Return a mantissa of 15 bits, rounded from one of 31, and its exponent."""
    mantissa, exponent = fixed_point(np.array([float(multiplier)]))
    rounded = (int(mantissa[0]) + (1 << 15)) >> 16
    short = (1 << 15) - 1 if int(mantissa[0]) >= _MANTISSA_MAX else rounded
    return np.array([short, int(exponent[0])], np.int64)
