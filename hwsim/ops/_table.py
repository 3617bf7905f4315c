"""Functions of one 8-bit code: a table of all results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import Array, IntArray
    from hwsim.numerics import Quant
    from hwsim.op import Kernel

# Tables of more entries would be slower to make than the codes are to compute.
_LARGEST_BITS = 16


def tabulated(x: Quant, convert: Callable[[IntArray], IntArray]) -> Kernel:
    """Return `convert`, computed once for every code of `x`.

    Args:
        x: Encoding of the operand.
        convert: Codes less their zero point, int64, to codes of the result.
    """
    if x.bits > _LARGEST_BITS:

        def compute(codes: Array) -> tuple[Array, ...]:
            return (convert(codes.astype(np.int64) - x.zero_point[0]),)

        return compute
    table = convert(np.arange(x.low, x.high + 1) - x.zero_point[0])

    def run(codes: Array) -> tuple[Array, ...]:
        return (table[codes.astype(np.int64) - x.low],)

    return run
