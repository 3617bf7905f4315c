"""One instruction of a plan: a row of whole numbers and a blob of constants.

Inside a plan every activation of at most 8 bits lies as a byte `code - quant.low`, 0..255, so
that signed and unsigned models are one, and zero points are `zero_point - quant.low`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwsim.arrays import Array

# Columns of a plan's table. The planner fills all but the numbers: places are byte offsets into
# the arena, `CONSTANTS` is where the instruction's own blob starts among all constants.
OPCODE, X, X2, Y, SCRATCH, CONSTANTS, FIRST_NUMBER = range(7)
COLUMNS = 56

ALIGNMENT = 64
"""Bytes that tensors, scratch and constants are aligned to: a cache line, and a vector."""

SLACK = 256
"""Bytes behind every tensor and blob that may be read, and in the arena written, by a vector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """What the compiled loop needs to run one op, or a part of it.

    Attributes:
        opcode: Which compiled function runs it.
        numbers: At most COLUMNS - FIRST_NUMBER whole numbers, in an order of its own; offsets of
            constants are relative to the start of `constants`.
        constants: uint8 [bytes], every part aligned.
        scratch_bytes: Room that it needs while it runs.
        operands: Which of the node's inputs it reads, at most two.
    """

    opcode: int
    numbers: tuple[int, ...]
    constants: Array
    scratch_bytes: int = 0
    operands: tuple[int, ...] = (0,)


class Constants:
    """Collects aligned arrays into one blob."""

    def __init__(self) -> None:
        """Start empty."""
        self._parts: list[Array] = []
        self._size = 0

    def add(self, array: Array) -> int:
        """Append `array` and return its byte offset in the blob."""
        offset = self._size
        raw = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
        padded = np.zeros(-(-(raw.size + SLACK) // ALIGNMENT) * ALIGNMENT, np.uint8)
        padded[: raw.size] = raw
        self._parts.append(padded)
        self._size += padded.size
        return offset

    def blob(self) -> Array:
        """Return everything added so far, uint8."""
        return np.concatenate(self._parts) if self._parts else np.zeros(0, np.uint8)
