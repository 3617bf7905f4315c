"""Softmax of bytes over the last axis: the powers of all 256 differences lie in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import kernel
from hwsim.kernels.softmax import (
    ACCUMULATOR_BITS,
    divide_by_power,
    exp_negative,
    multiply,
    reciprocal,
)
from hwsim.ops.softmax import fixed_constants, is_in_integers, powers_of_differences
from hwsim.plan.instruction import CONSTANTS, FIRST_NUMBER, Constants, Instruction, X, Y
from hwsim.plan.opcodes import SOFTMAX_FIXED, SOFTMAX_TABLE

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.op import Site
    from hwsim.ops import Softmax


def instructions(op: Softmax, site: Site) -> tuple[Instruction, ...] | None:
    """Return the policy's softmax; None where the op computes in reals."""
    x, y = site.inputs[0].quant, site.outputs[0].quant
    assert x is not None
    assert y is not None
    if not is_in_integers(x, y) or site.numerics.softmax not in ("fixed", "table"):
        return None
    classes = site.inputs[0].shape[-1]
    rows = site.inputs[0].elements // classes
    constants = Constants()
    if site.numerics.softmax == "fixed":
        powers = np.empty(256, np.int32)
        _fixed_powers(*fixed_constants(op.beta, x), powers)
        constants.add(powers)
        numbers, opcode = (rows, classes), SOFTMAX_FIXED
    else:
        constants.add(powers_of_differences(op.beta, x))
        constants.add(np.array([y.scale[0]], np.float32))
        numbers, opcode = (rows, classes, int(y.signed)), SOFTMAX_TABLE
    return (Instruction(opcode=opcode, numbers=numbers, constants=constants.blob()),)


@kernel
def _fixed_powers(mantissa: int, shift: int, smallest: int, out: IntArray) -> None:
    """Set out[d] to the power of the difference -d in Q0.31; -1 where it counts as 0."""
    for d in range(256):
        out[d] = -1
        if -d >= smallest:
            out[d] = exp_negative(multiply((-d) << shift, mantissa))


@kernel
def _largest(x: Array) -> int:
    largest = 0
    for c in range(x.shape[0]):
        largest = max(largest, int(x[c]))
    return largest


@kernel
def run_softmax_fixed(arena: Array, constants: Array, row: IntArray) -> None:
    """Run SOFTMAX_FIXED; see `run_copy`, and `kernels.softmax` for the arithmetic."""
    classes = row[FIRST_NUMBER + 1]
    powers = constants[row[CONSTANTS] : row[CONSTANTS] + 1024].view(np.int32)
    for r in range(row[FIRST_NUMBER]):
        x = arena[row[X] + r * classes : row[X] + (r + 1) * classes]
        y = arena[row[Y] + r * classes : row[Y] + (r + 1) * classes]
        largest = _largest(x)
        total = 0
        for c in range(classes):
            power = int(powers[largest - int(x[c])])
            if power >= 0:
                total += divide_by_power(power, ACCUMULATOR_BITS)
        zeros = 0
        while (total << zeros) < (1 << 31):
            zeros += 1
        scale = reciprocal((total << zeros) - (1 << 31))
        for c in range(classes):
            power = int(powers[largest - int(x[c])])
            code = 0
            if power >= 0:
                code = divide_by_power(multiply(scale, power), ACCUMULATOR_BITS - zeros + 31 - 8)
            y[c] = np.uint8(min(max(code, 0), 255))


@kernel
def run_softmax_table(arena: Array, constants: Array, row: IntArray) -> None:
    """Run SOFTMAX_TABLE; see `run_copy`. Sums run in order, in float32."""
    classes, is_signed = row[FIRST_NUMBER + 1], row[FIRST_NUMBER + 2] == 1
    powers = constants[row[CONSTANTS] : row[CONSTANTS] + 1024].view(np.float32)
    behind = row[CONSTANTS] + 1024 + 256  # the second constant: SLACK behind the first
    step = constants[behind : behind + 4].view(np.float32)[0]
    for r in range(row[FIRST_NUMBER]):
        x = arena[row[X] + r * classes : row[X] + (r + 1) * classes]
        y = arena[row[Y] + r * classes : row[Y] + (r + 1) * classes]
        largest = _largest(x)
        total = np.float32(0)
        for c in range(classes):
            total = np.float32(total + powers[largest - int(x[c])])
        scale = np.float32(np.float32(1) / np.float32(total * step))
        for c in range(classes):
            share = np.float32(powers[largest - int(x[c])] * scale)
            whole = np.float32(np.trunc(share))
            if is_signed:
                if np.float32(share - whole) >= np.float32(0.5):
                    whole = np.float32(whole + np.float32(1))
            else:
                whole = np.float32(np.trunc(np.float32(share + np.float32(0.5))))
            y[c] = np.uint8(min(max(whole, np.float32(0)), np.float32(255)))
