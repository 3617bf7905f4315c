"""What heavy instructions multiply: activations where they lie, or a padded copy of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.jit import call_address, kernel
from hwsim.kernels.micro.runs import copy_run, fill_run
from hwsim.plan.instruction import FIRST_NUMBER, SCRATCH, SLACK, X

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray, Shape
    from hwsim.kernels.micro.isa import Isa
    from hwsim.kernels.patches import Padding

(
    COPY_RUN, FILL_RUN, ELEMENT_BYTES, IMAGES, HEIGHT, WIDTH, CHANNELS, TOP, LEFT, ROWS, COLUMNS,
    FILL, REPEAT,
) = range(FIRST_NUMBER, FIRST_NUMBER + 13)  # fmt: skip
AFTER_OPERAND = FIRST_NUMBER + 13

CODES_BYTES = 4096
"""Room at the start of the scratch space for the bytes of a few positions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """Images as an instruction set takes them.

    Attributes:
        shape: [images, height, width, channels], padded, each channel repeated.
        element_bytes: Of one activation.
        numbers: The columns COPY_RUN to REPEAT; COPY_RUN is 0 where nothing is copied.
        scratch_bytes: Room for codes and the copy.
    """

    shape: Shape
    element_bytes: int
    numbers: tuple[int, ...]
    scratch_bytes: int

    @property
    def size_bytes(self) -> int:
        """Of all images, where they lie or copied."""
        return self.shape[0] * self.strides[0]

    @property
    def is_in_reach(self) -> bool:
        """Whether int32 offsets reach every byte."""
        return self.size_bytes < 1 << 31

    @property
    def strides(self) -> tuple[int, int, int]:
        """Bytes from one image, row and pixel to the next."""
        _, height, width, channels = self.shape
        pixel = channels * self.element_bytes
        return height * width * pixel, width * pixel, pixel


def plan_operand(
    shape: Shape, padding: Padding, isa: Isa | None, fill: int, repeat: int = 1
) -> Operand:
    """Return how images [images, height, width, channels] are laid out for an instruction set.

    Args:
        shape: Of the images.
        padding: Around them.
        isa: What the elements are for; None for bytes.
        fill: The byte that pads.
        repeat: How often each channel stands beside itself.
    """
    images, height, width, channels = shape
    (top, bottom), (left, right) = padding
    padded = (images, height + top + bottom, width + left + right, channels * repeat)
    element = 1 if isa is None else isa.element_bytes
    is_copy = padded != shape or element != 1
    runs = (copy_run(element), fill_run(element)) if is_copy else (0, 0)
    size = padded[0] * padded[1] * padded[2] * padded[3] * element if is_copy else 0
    numbers = (
        *runs, element, images, height, width, channels, top, left, padded[1], padded[2], fill,
        repeat,
    )  # fmt: skip
    return Operand(
        shape=padded,
        element_bytes=element,
        numbers=numbers,
        scratch_bytes=CODES_BYTES + size + SLACK,
    )


@kernel
def place_operand(arena: Array, row: IntArray) -> int:
    """Copy the operand if need be, and return its address."""
    source = arena.ctypes.data + row[X]
    if row[COPY_RUN] == 0:
        return source
    start = arena.ctypes.data + row[SCRATCH] + CODES_BYTES
    if row[REPEAT] > 1:
        _repeat(arena, row)
        return start
    element = row[ELEMENT_BYTES]
    line = row[WIDTH] * row[CHANNELS]
    left = row[LEFT] * row[CHANNELS]
    full = row[COLUMNS] * row[CHANNELS]
    to = start
    for _ in range(row[IMAGES]):
        for i in range(row[ROWS]):
            # A run's last vector reaches into the next one, which is written after.
            if row[TOP] <= i < row[TOP] + row[HEIGHT]:
                call_address(row[FILL_RUN], row[FILL], to, left, 0, 0, 0, 0, 0, 0, 0)
                at = to + left * element
                call_address(row[COPY_RUN], source, at, line, 0, 0, 0, 0, 0, 0, 0)
                at += line * element
                rest = full - left - line
                call_address(row[FILL_RUN], row[FILL], at, rest, 0, 0, 0, 0, 0, 0, 0)
                source += line
            else:
                call_address(row[FILL_RUN], row[FILL], to, full, 0, 0, 0, 0, 0, 0, 0)
            to += full * element
    return start


@kernel
def _repeat(arena: Array, row: IntArray) -> None:
    """Copy bytes, each channel several times."""
    source = row[X]
    to = row[SCRATCH] + CODES_BYTES
    channels, repeat = row[CHANNELS], row[REPEAT]
    pixel = channels * repeat
    for _ in range(row[IMAGES]):
        for i in range(row[ROWS]):
            for j in range(row[COLUMNS]):
                is_inside = (
                    row[TOP] <= i < row[TOP] + row[HEIGHT]
                    and row[LEFT] <= j < row[LEFT] + row[WIDTH]
                )
                if is_inside:
                    for c in range(channels):
                        for k in range(repeat):
                            arena[to + c * repeat + k] = arena[source + c]
                    source += channels
                else:
                    for c in range(pixel):
                        arena[to + c] = row[FILL]
                to += pixel
