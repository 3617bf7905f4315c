"""Sums and means over axes: a total of bytes, then the table of what the op makes of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import kernel
from hwsim.plan.instruction import (
    CONSTANTS,
    FIRST_NUMBER,
    SCRATCH,
    Constants,
    Instruction,
    X,
    Y,
)
from hwsim.plan.loops import strides_of
from hwsim.plan.opcodes import TOTAL
from hwsim.plan.pool import add_bytes

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.op import Site
    from hwsim.ops import Mean, Sum

# A table has one byte per total; longer ones would leave the caches.
_LARGEST_TABLE = 1 << 18


def instructions(op: Mean | Sum, site: Site) -> tuple[Instruction, ...] | None:
    """Return the total over one run of axes; None where they are scattered or too long."""
    x, y = site.inputs[0].quant, site.outputs[0].quant
    assert x is not None
    assert y is not None
    shape = site.inputs[0].shape
    axes = sorted(op.axes)
    if not axes or axes != list(range(axes[0], axes[0] + len(axes))):
        return None
    # ONNX Runtime computes all but means of images in reals.
    is_mean_of_images = op.kind == "mean" and axes == [1, 2] and len(shape) == 4
    if site.numerics.total == "image" and not is_mean_of_images:
        return None
    terms = math.prod(shape[axis] for axis in axes)
    if terms * (x.high - x.low) >= _LARGEST_TABLE:
        return None
    # The op sums whatever extents it is given: one term that is the whole total will do.
    totals = np.arange(terms * x.low, terms * x.high + 1)
    (codes,) = op.prepare(site)(totals.reshape(-1, *(1,) * len(shape)))
    constants = Constants()
    constants.add((codes.reshape(-1).astype(np.int64) - y.low).astype(np.uint8))
    inner = strides_of(shape)[axes[-1]]
    outer = math.prod(shape[: axes[0]])
    numbers = (outer, terms, inner)
    return (
        Instruction(
            opcode=TOTAL, numbers=numbers, constants=constants.blob(), scratch_bytes=4 * inner
        ),
    )


@kernel
def run_total(arena: Array, constants: Array, row: IntArray) -> None:
    """Run TOTAL; see `run_copy`."""
    outer, terms, inner = row[FIRST_NUMBER], row[FIRST_NUMBER + 1], row[FIRST_NUMBER + 2]
    sums = arena[row[SCRATCH] : row[SCRATCH] + 4 * inner].view(np.int32)
    table = constants[row[CONSTANTS] :]
    for i in range(outer):
        sums[:] = 0
        for t in range(terms):
            start = row[X] + (i * terms + t) * inner
            add_bytes(arena[start : start + inner], sums)
        y = arena[row[Y] + i * inner : row[Y] + (i + 1) * inner]
        for c in range(inner):
            y[c] = table[sums[c]]
