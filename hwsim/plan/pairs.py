"""Functions of two bytes: all 65536 results in a table, made by the op itself.

Whatever the policy, an elementwise op of two operands of at most 8 bits is such a table.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import kernel
from hwsim.plan.instruction import (
    CONSTANTS,
    FIRST_NUMBER,
    X2,
    Constants,
    Instruction,
    X,
    Y,
)
from hwsim.plan.loops import DEPTH, broadcast_strides, nest, place, strides_of
from hwsim.plan.opcodes import PAIRS

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.op import Op, Site


def binary_loops(site: Site) -> tuple[int, ...] | None:
    """Return the loops over a, b and y of an elementwise op of two operands, broadcast."""
    (a, b), (y,) = site.inputs, site.outputs
    return nest(
        y.shape,
        broadcast_strides(a.shape, y.shape),
        broadcast_strides(b.shape, y.shape),
        strides_of(y.shape),
    )


def instructions(op: Op, site: Site) -> tuple[Instruction, ...] | None:
    """Return the op as a table of pairs; None where its loops are too deep.

    None too where it is no function of two codes: ONNX Runtime's sums depend on which operand is
    spread over the other.
    """
    loops = binary_loops(site)
    is_level = site.inputs[0].shape == site.inputs[1].shape
    if loops is None or (site.numerics.quantize == "ort" and not is_level):
        return None
    constants = Constants()
    constants.add(_table(op, site))
    return (Instruction(opcode=PAIRS, numbers=loops, constants=constants.blob(), operands=(0, 1)),)


def _table(op: Op, site: Site) -> Array:
    """Return bytes [256, 256] of the results, by the bytes of both operands."""
    (a, b), (y,) = (type_.quant for type_ in site.inputs), (site.outputs[0].quant,)
    assert a is not None
    assert b is not None
    assert y is not None
    left, right = np.meshgrid(
        np.arange(a.low, a.high + 1), np.arange(b.low, b.high + 1), indexing="ij"
    )
    shape = (1, left.size)
    small = replace(
        site,
        inputs=tuple(replace(type_, shape=shape) for type_ in site.inputs),
        outputs=(replace(site.outputs[0], shape=shape),),
    )
    operands = (left.reshape(1, *shape).astype(a.dtype), right.reshape(1, *shape).astype(b.dtype))
    (codes,) = op.prepare(small)(*operands)
    table = np.zeros((256, 256), np.uint8)
    table[: left.shape[0], : left.shape[1]] = codes.astype(np.int64).reshape(left.shape) - y.low
    return table


@kernel
def run_pairs(arena: Array, constants: Array, row: IntArray) -> None:
    """Run PAIRS; see `run_copy`."""
    loops = row[FIRST_NUMBER : FIRST_NUMBER + 4 * DEPTH]
    a_steps, b_steps, y_steps = loops[DEPTH:], loops[2 * DEPTH :], loops[3 * DEPTH :]
    table = constants[row[CONSTANTS] : row[CONSTANTS] + 65536]
    for i in range(loops[0]):
        for j in range(loops[1]):
            for k in range(loops[2]):
                for m in range(loops[3]):
                    a = arena[row[X] + place(a_steps, i, j, k, m) :]
                    b = arena[row[X2] + place(b_steps, i, j, k, m) :]
                    y = arena[row[Y] + place(y_steps, i, j, k, m) :]
                    for n in range(loops[4]):
                        high, low = np.int64(a[n * a_steps[4]]), np.int64(b[n * b_steps[4]])
                        y[n] = table[(high << 8) | low]
