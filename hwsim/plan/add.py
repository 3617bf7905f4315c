"""Sums of two operands in 32-bit lanes: the formulas of TFLite and XNNPACK on bytes.

TFLite's is that of `ops.add` with a change that changes no bit: a centred code d times 2^20 is
rescaled by a mantissa m of 31 bits as (d m + 2^10) >> 11, and with m = h 2^11 + l that is
d h + ((d l + 2^10) >> 11), where nothing leaves 32 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.jit import IS_COMPILED, call_address, kernel
from hwsim.kernels.micro.isa import native
from hwsim.kernels.micro.sums import WORDS, sum_line
from hwsim.ops._activation import clamped_target
from hwsim.ops.add import clamp_of, fixed20_constants, formula_of, shift20_constants
from hwsim.plan.instruction import (
    CONSTANTS,
    FIRST_NUMBER,
    X2,
    Constants,
    Instruction,
    X,
    Y,
)
from hwsim.plan.loops import DEPTH, place
from hwsim.plan.opcodes import ADD_FIXED, ADD_SHIFT
from hwsim.plan.pairs import binary_loops

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.numerics import Quant
    from hwsim.numerics.rounding import Target
    from hwsim.op import Site
    from hwsim.ops._activation import Fused

_FIXED_WORDS = 7
# Codes times 2^20 and a mantissa of 31 bits, in two parts of 20 and 11.
_LOWER_BITS = 11


def instructions(activation: Fused, site: Site, sign: int) -> tuple[Instruction, ...] | None:
    """Return a + sign * b by the policy's formula; None where it leaves 32 bits."""
    loops = binary_loops(site)
    a, b, y = (type_.quant for type_ in (*site.inputs, *site.outputs))
    assert a is not None
    assert b is not None
    assert y is not None
    formula = formula_of(site)
    bind = {"shift20": _shift_words, "fixed20": _fixed_words}.get(formula)
    if loops is None or bind is None:
        return None
    # A zero point outside the codes, or another clamp, is nobody's habit: left to the op.
    if any(not quant.low <= quant.zero_point[0] <= quant.high for quant in (a, b)):
        return None
    target = clamped_target(activation, y, clamp_of(site))
    words = bind(a, b, y, target, sign)
    if words is None:
        return None
    constants = Constants()
    constants.add(np.array(words, np.int32))
    opcode = {"shift20": ADD_SHIFT, "fixed20": ADD_FIXED}[formula]
    numbers = (*loops, _line_address(words)) if opcode == ADD_SHIFT else loops
    return (
        Instruction(opcode=opcode, numbers=numbers, constants=constants.blob(), operands=(0, 1)),
    )


def _line_address(words: list[int]) -> int:
    """Return where the machine code that adds dense lines lies, 0 where nothing is compiled."""
    if not IS_COMPILED:
        return 0
    # The operand of the larger scale has the mantissa 2^30 and no shift.
    is_half = [words[i + 1] << _LOWER_BITS == 1 << 30 and not words[i + 5] for i in (0, 6)]
    return sum_line(native(), (is_half[0], is_half[1]))


def _shift_words(a: Quant, b: Quant, y: Quant, target: Target, sign: int) -> list[int] | None:
    """Return per operand zero point, upper and lower mantissa and rounding, then the result's."""
    mantissa, exponent, _ = shift20_constants(a, b, y, target, sign)
    if max(exponent) > 0:
        return None
    words: list[int] = []
    for quant, m, e in zip((a, b), mantissa.tolist(), exponent.tolist(), strict=False):
        lower = m & ((1 << _LOWER_BITS) - 1)
        words += [quant.zero_point[0] - quant.low, m >> _LOWER_BITS, lower, *_halving(-e)]
    words += [int(mantissa[2]), *_halving(-int(exponent[2])), sign]
    return [*words, *(code - y.low for code in (target.zero_point, target.low, target.high))]


def _halving(shift: int) -> tuple[int, int, int]:
    """Return half a unit, the mask of what is taken off negative numbers, and the shift."""
    return (1 << shift) >> 1, -1 if shift else 0, shift


def _fixed_words(a: Quant, b: Quant, y: Quant, target: Target, sign: int) -> list[int] | None:
    """Return multipliers of a and b, offset, shift, zero point, low and high, all of bytes."""
    multipliers, rest = fixed20_constants(a, b, y, target, sign)
    left, right = multipliers.tolist()
    shift, offset = int(rest[0]), int(rest[1])
    offset += left * a.low + right * b.low
    if not 0 <= shift < 32 or abs(offset) + 255 * (abs(left) + abs(right)) >= 1 << 31:
        return None
    places = (code - y.low for code in (target.zero_point, target.low, target.high))
    return [left, right, offset, shift, *places]


@kernel
def _halved(x: Any, half: Any, mask: Any, shift: Any) -> Any:
    """Return x / 2^shift in 32 bits, halves away from zero."""
    negative = np.int32(np.int32(x >> np.int32(31)) & mask)
    # The mask tells the compiler that the shift stays within 32 bits.
    return np.int32(np.int32(np.int32(x + half) + negative) >> np.int64(shift & np.int32(31)))


@kernel
def _rescaled(code: Any, zero: Any, upper: Any, lower: Any) -> Any:
    """Return (code - zero) 2^20 times a mantissa, halves up, in 32 bits."""
    d = np.int32(np.int32(code) - zero)
    low = np.int32(np.int32(np.int32(d * lower) + np.int32(1 << 10)) >> np.int32(11))
    return np.int32(np.int32(d * upper) + low)


@kernel
def _shift_line(
    a: Array, b: Array, y: Array, steps: tuple[int, int], count: int, words: IntArray
) -> None:
    # Read before the loop: the compiler cannot know that `y` does not overwrite them.
    a_zero, a_upper, a_lower, a_half = words[0], words[1], words[2], words[3]
    a_mask, a_shift, b_zero, b_upper = words[4], words[5], words[6], words[7]
    b_lower, b_half, b_mask, b_shift = words[8], words[9], words[10], words[11]
    mantissa, half, mask, shift = np.int64(words[12]), words[13], words[14], words[15]
    sign, zero, low, high = words[16], words[17], words[18], words[19]
    for i in range(count):
        left = _rescaled(a[i * steps[0]], a_zero, a_upper, a_lower)
        right = _rescaled(b[i * steps[1]], b_zero, b_upper, b_lower)
        right = np.int32(_halved(right, b_half, b_mask, b_shift) * sign)
        total = np.int32(_halved(left, a_half, a_mask, a_shift) + right)
        scaled = np.int32((np.int64(total) * mantissa + np.int64(1 << 30)) >> np.int64(31))
        code = np.int32(_halved(scaled, half, mask, shift) + zero)
        y[i] = np.uint8(min(max(code, low), high))


@kernel
def _fixed_line(
    a: Array, b: Array, y: Array, steps: tuple[int, int], count: int, words: IntArray
) -> None:
    left, right, offset, shift = words[0], words[1], words[2], words[3]
    zero, low, high = words[4], words[5], words[6]
    for i in range(count):
        total = np.int32(np.int32(a[i * steps[0]]) * left)
        total = np.int32(total + np.int32(np.int32(b[i * steps[1]]) * right))
        total = np.int32(np.int32(total + offset) >> np.int64(shift & np.int32(31)))
        y[i] = np.uint8(min(max(np.int32(total + zero), low), high))


@kernel
def run_add_shift(arena: Array, constants: Array, row: IntArray) -> None:
    """Run ADD_SHIFT; see `run_copy`."""
    loops = row[FIRST_NUMBER : FIRST_NUMBER + 4 * DEPTH]
    a_steps, b_steps, y_steps = loops[DEPTH:], loops[2 * DEPTH :], loops[3 * DEPTH :]
    words = constants[row[CONSTANTS] : row[CONSTANTS] + 4 * WORDS].view(np.int32)
    line = row[FIRST_NUMBER + 4 * DEPTH]
    for i in range(loops[0]):
        for j in range(loops[1]):
            for k in range(loops[2]):
                for m in range(loops[3]):
                    a = arena[row[X] + place(a_steps, i, j, k, m) :]
                    b = arena[row[X2] + place(b_steps, i, j, k, m) :]
                    y = arena[row[Y] + place(y_steps, i, j, k, m) :]
                    if line != 0 and a_steps[4] == 1 and b_steps[4] == 1:
                        call_address(
                            line, a.ctypes.data, b.ctypes.data, y.ctypes.data, loops[4],
                            words.ctypes.data, 0, 0, 0, 0, 0,
                        )  # fmt: skip
                    else:
                        _shift_line(a, b, y, (a_steps[4], b_steps[4]), loops[4], words)


@kernel
def run_add_fixed(arena: Array, constants: Array, row: IntArray) -> None:
    """Run ADD_FIXED; see `run_copy`."""
    loops = row[FIRST_NUMBER : FIRST_NUMBER + 4 * DEPTH]
    a_steps, b_steps, y_steps = loops[DEPTH:], loops[2 * DEPTH :], loops[3 * DEPTH :]
    words = constants[row[CONSTANTS] : row[CONSTANTS] + 4 * _FIXED_WORDS].view(np.int32)
    for i in range(loops[0]):
        for j in range(loops[1]):
            for k in range(loops[2]):
                for m in range(loops[3]):
                    a = arena[row[X] + place(a_steps, i, j, k, m) :]
                    b = arena[row[X2] + place(b_steps, i, j, k, m) :]
                    y = arena[row[Y] + place(y_steps, i, j, k, m) :]
                    if a_steps[4] == 1 and b_steps[4] == 1:
                        _fixed_line(a, b, y, (1, 1), loops[4], words)
                    else:
                        _fixed_line(a, b, y, (a_steps[4], b_steps[4]), loops[4], words)
