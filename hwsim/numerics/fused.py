"""The fused multiply-add of IEEE 754 in float32: a * b + c, rounded once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import TypeAlias

    from hwsim.arrays import Array

    Operand: TypeAlias = "Array | np.float32"


def fused_multiply_add(a: Operand, b: Operand, c: Operand) -> Array:
    """Return a * b + c of finite float32 operands, rounded once to float32.

    The product of two float32 is exact in float64. The sum is rounded to odd there, which keeps
    what the second rounding must know (Boldo and Melquiond, "Emulation of a FMA and correctly
    rounded sums: proved algorithms using rounding to odd", 2008); the error of a float64 sum is
    exact by Knuth's TwoSum.
    """
    product = np.float64(a) * np.float64(b)
    addend = np.float64(c)
    total = np.asarray(product + addend)
    back = total - product
    error = (product - (total - back)) + (addend - back)
    is_even = (total.view(np.int64) & 1) == 0
    towards = np.where(error > 0, np.inf, -np.inf)
    odd = np.where((error != 0) & is_even, np.nextafter(total, towards), total)
    return odd.astype(np.float32)
