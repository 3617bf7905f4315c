"""Convolutions and linear layers whose stored weights alone are multiplied.

The operand is laid out in planes (`hwsim.plan.planes`), a tile of whose positions is multiplied
with every row of the weights; the sums become bytes as those of `hwsim.plan.convolution` do.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import call_address, kernel
from hwsim.kernels.micro.channels import PLACES, channel_bytes
from hwsim.kernels.micro.planes import QUAD, SQUARE, join_planes, split_planes
from hwsim.kernels.micro.stored import SCATTERED, narrower, stored_rows, tile_of
from hwsim.kernels.stored import Steps, blocks, scattered
from hwsim.plan.heavy import end_constants
from hwsim.plan.instruction import ALIGNMENT, CONSTANTS, SCRATCH, SLACK, Constants, Instruction, Y
from hwsim.plan.opcodes import SPARSE
from hwsim.plan.operand import AFTER_OPERAND, place_operand, plan_operand
from hwsim.plan.planes import LINE_BYTES, Planes, planes_of

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.kernels.micro.isa import Isa
    from hwsim.plan.heavy import End
    from hwsim.plan.operand import Operand
    from hwsim.plan.runs import Runs

(
    PLANES_AT, SUMS_AT, CODES_AT, PIXEL_OFFSETS, PIXELS, PHASES, PIXEL_BYTES, PLANE_BYTES,
    PHASE_BYTES, TILE_STEP, TILES, TILE, WRITTEN, WANTED, STEP_OFFSETS, WEIGHTS, STARTS, SECTIONS,
    GROUPS, HEIGHT, CHUNK, ZEROS, ENDS, OUT_CHANNELS, SPLIT, MULTIPLY, NARROW, JOIN, LAST_TILE,
    LAST_MULTIPLY, LAST_NARROW, LAST_JOIN,
) = range(AFTER_OPERAND, AFTER_OPERAND + 32)  # fmt: skip

_CACHED_BYTES = 48 << 10
"""Of planes that a section reads: about as much as the first cache holds. Measured on 512 x 4608 x
49: two sections are a tenth faster than one; smaller ones gain nothing."""

_CHUNK_ROWS = 64
"""Rows whose sums and bytes are made in turns where all columns are one section."""


def sparse(what: Runs, end: End, isa: Isa, rows: int) -> Instruction | None:
    """Return the instruction that computes `what`, None where it has no such form.

    Args:
        what: Of one group; its weights are [out, kernel height, kernel width, channels].
        end: What follows the sums.
        isa: What multiplies.
        rows: Of a block of QUAD columns, or SCATTERED.
    """
    quad = 1 if rows == SCATTERED else QUAD
    channels = what.images[3]
    if what.groups > 1 or channels % quad or np.abs(what.weights + 0.5).max() > 128:
        return None
    operand = plan_operand(what.images, what.padding, None, end.input_zero)
    planes = planes_of(what, operand, isa, quad)
    sums = what.weights.reshape(len(what.weights), -1)
    if not operand.is_in_reach or planes.size_bytes >= 1 << 31 or sums.size >= 1 << 31:
        return None
    matrix = sums.astype(np.int8)
    sections = _sections(what, planes)
    if rows == SCATTERED:
        steps = scattered(matrix, planes.offsets, sections)
    else:
        steps = blocks(matrix, planes.offsets, sections, rows)
    bias = end.bias + isa.centre * sums.sum(axis=1)
    return _instruction(operand, planes, steps, isa, end, bias)


def _sections(what: Runs, planes: Planes) -> IntArray:
    """Return the section of every column of the weights, or quad: whole planes each."""
    quads = what.images[3] // planes.quad
    # Where the taps read in the first plane: of every plane, a tile reads those lines.
    taps = planes.offsets.reshape(-1, quads)[:, 0] // LINE_BYTES
    lines = np.unique(taps[:, None] + np.arange(planes.quad + (len(taps) > 1)))
    parts = -(-len(lines) * LINE_BYTES * quads // _CACHED_BYTES)
    return np.tile(np.arange(quads) // -(-quads // parts), len(taps))


def _instruction(
    operand: Operand, planes: Planes, steps: Steps, isa: Isa, end: End, bias: IntArray
) -> Instruction:
    tile, sections = tile_of(isa), len(steps.starts)
    held = -(-steps.groups * steps.height // SQUARE) * SQUARE
    chunk = held if sections > 1 else min(_CHUNK_ROWS, held)
    room = [operand.scratch_bytes, planes.size_bytes + SLACK, chunk * tile * 4, chunk * tile]
    starts = np.cumsum([0, *(-(-size // ALIGNMENT) * ALIGNMENT for size in room)])
    # What is left for the last tile may fit a narrower one, which takes less time.
    half, left = narrower(isa), planes.wanted - (planes.tiles - 1) * tile
    last = half if half is not None and left <= tile_of(half) else isa
    constants = Constants()
    channels = np.repeat(np.arange(len(bias)), PLACES)
    ends = end_constants(end, bias, channels, replace(isa, lanes=PLACES))
    numbers = (
        *starts[1:4].tolist(),
        constants.add(planes.pixels),
        tile if planes.is_strip else planes.pixels.shape[1],
        0 if planes.is_strip else len(planes.pixels),
        operand.shape[3],
        planes.plane_bytes,
        planes.phase_bytes,
        0 if planes.is_strip else tile * planes.quad,
        planes.tiles,
        tile,
        constants.add(planes.written),
        planes.wanted,
        constants.add(steps.offsets),
        constants.add(steps.weights),
        constants.add(steps.starts),
        sections,
        steps.groups,
        steps.height,
        chunk,
        constants.add(np.zeros(tile, np.int32)),
        constants.add(ends),
        len(bias),
        split_planes(planes.quad),
        *_functions(isa, end, steps),
        tile_of(last),
        *_functions(last, end, steps),
    )
    return Instruction(
        opcode=SPARSE,
        numbers=(*operand.numbers, *numbers),
        constants=constants.blob(),
        scratch_bytes=int(starts[-1]),
    )


def _functions(isa: Isa, end: End, steps: Steps) -> tuple[int, int, int]:
    return (
        stored_rows(isa, steps.rows),
        channel_bytes(isa, end.form, steps.rows),
        join_planes(tile_of(isa)),
    )


@kernel
def run_sparse(arena: Array, constants: Array, row: IntArray) -> None:
    """Compute one convolution or linear layer; the columns of the row are those named above."""
    x = place_operand(arena, row)
    base = constants.ctypes.data + row[CONSTANTS]
    planes = arena.ctypes.data + row[SCRATCH] + row[PLANES_AT]
    for phase in range(row[PHASES]):
        offsets = base + row[PIXEL_OFFSETS] + 4 * phase * row[PIXELS]
        to = planes + phase * row[PHASE_BYTES]
        call_address(
            row[SPLIT], x, offsets, row[PIXELS], row[PIXEL_BYTES], to, row[PLANE_BYTES], 0, 0, 0, 0
        )
    held = row[GROUPS] * row[HEIGHT]
    chunks = (held + row[CHUNK] - 1) // row[CHUNK]
    for tile in range(row[TILES]):
        if row[PHASES] == 0:
            offsets = base + row[PIXEL_OFFSETS] + 4 * tile * row[TILE]
            call_address(
                row[SPLIT], x, offsets, row[TILE], row[PIXEL_BYTES], planes, row[PLANE_BYTES],
                0, 0, 0, 0,
            )  # fmt: skip
        # The last channels reach into the next position, which is written after.
        for chunk in range(chunks - 1, -1, -1):
            _run_chunk(arena, constants, row, planes + tile * row[TILE_STEP], tile, chunk)


@kernel
def _run_chunk(
    arena: Array, constants: Array, row: IntArray, x: int, tile: int, chunk: int
) -> None:
    """Compute the bytes of a chunk of the rows for a tile of positions."""
    base = constants.ctypes.data + row[CONSTANTS]
    scratch = arena.ctypes.data + row[SCRATCH]
    sums, codes = scratch + row[SUMS_AT], scratch + row[CODES_AT]
    first = chunk * row[CHUNK]
    group = first // row[HEIGHT]
    groups = min(row[CHUNK] // row[HEIGHT], row[GROUPS] - group)
    is_last = tile == row[TILES] - 1
    positions = row[LAST_TILE] if is_last else row[TILE]
    initial, initial_step = base + row[ZEROS], 0
    for section in range(row[SECTIONS]):
        starts = base + row[STARTS] + 4 * (section * (row[GROUPS] + 1) + group)
        call_address(
            row[LAST_MULTIPLY] if is_last else row[MULTIPLY],
            x, base + row[STEP_OFFSETS], base + row[WEIGHTS], starts, groups,
            initial, initial_step, sums, 0, 0,
        )  # fmt: skip
        initial, initial_step = sums, 4 * positions
    rows = min(row[CHUNK], row[OUT_CHANNELS] - first)
    call_address(
        row[LAST_NARROW] if is_last else row[NARROW],
        sums, rows, base + row[ENDS], row[OUT_CHANNELS], first, codes, 0, 0, 0, 0,
    )  # fmt: skip
    whole = -(-rows // SQUARE) * SQUARE
    before = tile * row[TILE]
    call_address(
        row[LAST_JOIN] if is_last else row[JOIN],
        codes, whole, base + row[WRITTEN] + 4 * before, row[WANTED] - before,
        arena.ctypes.data + row[Y] + first, 0, 0, 0, 0, 0,
    )  # fmt: skip
