"""The compiled loop: a plan's rows, one after the other, for each sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.jit import IS_COMPILED, call_runner, kernel, runner_address, take_next
from hwsim.plan.add import run_add_fixed, run_add_shift
from hwsim.plan.convolution import run_convolution
from hwsim.plan.copy import run_copy, run_fill
from hwsim.plan.depthwise import run_depthwise
from hwsim.plan.instruction import FIRST_NUMBER, OPCODE, X, Y
from hwsim.plan.opcodes import (
    ADD_FIXED,
    ADD_SHIFT,
    AVERAGE_POOL,
    CONVOLUTION,
    COPY,
    DEPTHWISE,
    ENTER,
    FILL,
    LEAVE,
    LINEAR,
    MAX_POOL,
    PAIRS,
    SIGNS,
    SOFTMAX_FIXED,
    SOFTMAX_TABLE,
    SPARSE,
    TOTAL,
)
from hwsim.plan.pairs import run_pairs
from hwsim.plan.pool import run_average_pool, run_max_pool
from hwsim.plan.signs import run_signs
from hwsim.plan.softmax import run_softmax_fixed, run_softmax_table
from hwsim.plan.sparse import run_sparse
from hwsim.plan.total import run_total

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arrays import Array, IntArray

RUNNERS: Mapping[int, Callable[[Array, Array, IntArray], None]] = {
    CONVOLUTION: run_convolution,
    DEPTHWISE: run_depthwise,
    LINEAR: run_convolution,
    COPY: run_copy,
    FILL: run_fill,
    PAIRS: run_pairs,
    ADD_SHIFT: run_add_shift,
    ADD_FIXED: run_add_fixed,
    AVERAGE_POOL: run_average_pool,
    MAX_POOL: run_max_pool,
    TOTAL: run_total,
    SIGNS: run_signs,
    SPARSE: run_sparse,
    SOFTMAX_FIXED: run_softmax_fixed,
    SOFTMAX_TABLE: run_softmax_table,
}
"""The function that runs an opcode: of the arena, the constants, and a row of the table."""

# Numbers of ENTER and LEAVE: bytes per sample, what is added to each byte, and the bytes per
# sample of the tensors that lie before this one outside the arena.
_SIZE, _SHIFT, _BEFORE = FIRST_NUMBER, FIRST_NUMBER + 1, FIRST_NUMBER + 2


@kernel
def _shifted(source: Array, target: Array, shift: int) -> None:
    """Set every byte of `target` to that of `source` plus `shift`, modulo 256."""
    for i in range(source.shape[0]):
        target[i] = np.uint8((np.int64(source[i]) + shift) & 255)


def resolved(opcode: int) -> int:
    """Return what stands in a table for an opcode: the address of its function, once compiled.

    The loop below is small, and of the functions only those that a plan uses are compiled.
    """
    if IS_COMPILED and opcode in RUNNERS:
        return runner_address(RUNNERS[opcode])
    return opcode


def _run_interpreted(opcode: int, arena: Array, constants: Array, row: IntArray) -> None:
    RUNNERS[opcode](arena, constants, row)


_run_row: Any = call_runner if IS_COMPILED else _run_interpreted


@kernel
def _run_sample(
    table: IntArray, constants: Array, arena: Array, x: Array, y: Array, sample: int, samples: int
) -> None:
    for index in range(table.shape[0]):
        row = table[index]
        opcode = row[OPCODE]
        if opcode == ENTER:
            start = row[_BEFORE] * samples + sample * row[_SIZE]
            target = arena[row[Y] : row[Y] + row[_SIZE]]
            _shifted(x[start : start + row[_SIZE]], target, row[_SHIFT])
        elif opcode == LEAVE:
            start = row[_BEFORE] * samples + sample * row[_SIZE]
            source = arena[row[X] : row[X] + row[_SIZE]]
            _shifted(source, y[start : start + row[_SIZE]], row[_SHIFT])
        else:
            _run_row(opcode, arena, constants, row)


@kernel
def run_samples(
    table: IntArray, constants: Array, arena: Array, x: Array, y: Array, samples: int
) -> None:
    """Run every row of `table` for each sample.

    Args:
        table: int64 [rows, COLUMNS].
        constants: uint8 [bytes].
        arena: uint8 [bytes], overwritten; nobody else's while this runs.
        x: uint8 [bytes]: the tensors that enter, one behind the other, each [samples, ...].
        y: uint8 [bytes]: those that leave, likewise; overwritten.
        samples: How many.
    """
    for sample in range(samples):
        _run_sample(table, constants, arena, x, y, sample, samples)


@kernel
def run_shared(
    table: IntArray, constants: Array, arena: Array, x: Array, y: Array, samples: int,
    counter: IntArray,
) -> None:  # fmt: skip
    """Run the samples that no other thread has taken; see `run_samples`.

    Args:
        table: See `run_samples`, as for all up to `samples`.
        constants: Shared.
        arena: This thread's own.
        x: Shared.
        y: Shared; every sample has its own bytes.
        samples: How many there are for all threads.
        counter: int64 [1], shared: the next sample that is free.
    """
    sample = take_next(counter)
    while sample < samples:
        _run_sample(table, constants, arena, x, y, sample, samples)
        sample = take_next(counter)
