"""One instruction of a plan, run by itself in an arena whose every other byte is watched."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsim.arrays import Array, IntArray
from hwsim.op import Site
from hwsim.plan.instruction import (
    ALIGNMENT,
    COLUMNS,
    FIRST_NUMBER,
    OPCODE,
    SCRATCH,
    SLACK,
    Instruction,
    X,
    Y,
)


def aligned(size: int, fill: int) -> Array:
    room = np.full(size + ALIGNMENT, fill, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    return room[start : start + size]


def up(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def guarded(instruction: Instruction, runner: Any, site: Site, x: IntArray) -> IntArray:
    """Return the codes of one sample, and check that nothing but them and scratch was written."""
    x_type, y_type = site.inputs[0], site.outputs[0]
    assert x_type.quant is not None
    assert y_type.quant is not None
    # A guard, input, guard, output, scratch, and a guard again.
    x_at = 512
    y_at = x_at + up(x.size + SLACK)
    scratch_at = y_at + up(y_type.elements + SLACK)
    end = scratch_at + up(instruction.scratch_bytes)
    # As float32, these bytes are no number.
    arena = aligned(end + 512, 0xFF)
    arena[x_at : x_at + x.size] = (x.astype(np.int64) - x_type.quant.low).reshape(-1)
    before = arena.copy()
    constants = aligned(len(instruction.constants), 0)
    constants[:] = instruction.constants
    row = np.zeros(COLUMNS, np.int64)
    row[[OPCODE, X, Y, SCRATCH]] = instruction.opcode, x_at, y_at, scratch_at
    row[FIRST_NUMBER : FIRST_NUMBER + len(instruction.numbers)] = instruction.numbers
    runner(arena, constants, row)
    assert (arena[:y_at] == before[:y_at]).all()
    assert (arena[end:] == before[end:]).all()
    assert (constants == instruction.constants).all()
    codes = arena[y_at : y_at + y_type.elements].astype(np.int64) + y_type.quant.low
    return codes.reshape(y_type.shape)
