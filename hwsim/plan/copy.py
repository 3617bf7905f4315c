"""Bytes to other places, through a table where their meaning changes.

Reshape with another encoding, slice, transpose, concat and pad move bytes; elementary functions
and changes of encoding are tables of 256.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import kernel
from hwsim.plan.instruction import CONSTANTS, FIRST_NUMBER, Constants, Instruction, X, Y
from hwsim.plan.loops import DEPTH, nest, place
from hwsim.plan.opcodes import COPY, FILL

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray, Shape
    from hwsim.numerics import Quant

# Numbers of COPY: whether there is a table, first byte of x, first byte of y, then the loops.
_LOOPS = 3


def table_of(codes: IntArray, x: Quant, y: Quant) -> Array:
    """Return 256 bytes: `codes` of `y`, one for each code of `x`, as bytes."""
    table = np.zeros(256, np.uint8)
    table[: x.high - x.low + 1] = codes.astype(np.int64).reshape(-1) - y.low
    return table


def recoding(x: Quant, y: Quant) -> Array | None:
    """Return the table that decodes `x` and encodes `y`; None where nothing changes."""
    if x == y:
        return None
    return table_of(y.encode(x.decode(np.arange(x.low, x.high + 1))), x, y)


def copy(
    shape: Shape,
    x_strides: tuple[int, ...],
    y_strides: tuple[int, ...],
    *,
    x_first: int = 0,
    y_first: int = 0,
    table: Array | None = None,
    operand: int = 0,
) -> Instruction | None:
    """Return y[y_first + ...] = table[x[x_first + ...]] over the axes of `shape`."""
    loops = nest(shape, x_strides, y_strides)
    if loops is None:
        return None
    constants = Constants()
    if table is not None:
        constants.add(table)
    return Instruction(
        opcode=COPY,
        numbers=(int(table is not None), x_first, y_first, *loops),
        constants=constants.blob(),
        operands=(operand,),
    )


def lookup(elements: int, table: Array) -> Instruction:
    """Return y[i] = table[x[i]]."""
    instruction = copy((elements,), (1,), (1,), table=table)
    assert instruction is not None  # one axis is never too many
    return instruction


def fill(shape: Shape, value: int) -> Instruction:
    """Return y[...] = value."""
    return Instruction(
        opcode=FILL,
        numbers=(value, math.prod(shape)),
        constants=Constants().blob(),
        operands=(),
    )


@kernel
def run_copy(arena: Array, constants: Array, row: IntArray) -> None:
    """Run COPY.

    Args:
        arena: uint8 [bytes].
        constants: uint8 [bytes].
        row: int64 [COLUMNS].
    """
    first = FIRST_NUMBER + _LOOPS
    extents = row[first : first + DEPTH]
    x_steps = row[first + DEPTH : first + 2 * DEPTH]
    y_steps = row[first + 2 * DEPTH : first + 3 * DEPTH]
    x_base, y_base = row[X] + row[FIRST_NUMBER + 1], row[Y] + row[FIRST_NUMBER + 2]
    count, x_step, y_step = extents[4], x_steps[4], y_steps[4]
    table = constants[row[CONSTANTS] : row[CONSTANTS] + 256]
    for i in range(extents[0]):
        for j in range(extents[1]):
            for k in range(extents[2]):
                for m in range(extents[3]):
                    x = arena[x_base + place(x_steps, i, j, k, m) :]
                    y = arena[y_base + place(y_steps, i, j, k, m) :]
                    if row[FIRST_NUMBER] == 1:
                        for n in range(count):
                            y[n * y_step] = table[x[n * x_step]]
                    elif x_step == 1 and y_step == 1:
                        for n in range(count):
                            y[n] = x[n]
                    else:
                        for n in range(count):
                            y[n * y_step] = x[n * x_step]


@kernel
def run_fill(arena: Array, constants: Array, row: IntArray) -> None:
    """Run FILL; see `run_copy`."""
    y = arena[row[Y] : row[Y] + row[FIRST_NUMBER + 1]]
    for i in range(y.shape[0]):
        y[i] = np.uint8(row[FIRST_NUMBER])
