"""Convolutions, grouped ones included, as panels of channels; see `kernels.micro.panel`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import IS_COMPILED, call_address, kernel
from hwsim.kernels.micro.epilogue import words
from hwsim.kernels.micro.rounding import FORMS
from hwsim.plan.heavy import end_constants, end_of, narrow_parts
from hwsim.plan.instruction import CONSTANTS, SCRATCH, Constants, Instruction, Y
from hwsim.plan.multiplier import multiplier
from hwsim.plan.opcodes import CONVOLUTION
from hwsim.plan.operand import AFTER_OPERAND, place_operand, plan_operand
from hwsim.plan.runs import Panels, Runs, offsets_of, packed, taps_of

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.kernels.micro.isa import Isa
    from hwsim.op import Site
    from hwsim.ops.conv2d import Conv2d
    from hwsim.plan.heavy import End
    from hwsim.plan.operand import Operand

(
    POSITIONS, BLOCK, OFFSETS, TAPS, TAP_OFFSETS, STEPS, GROUPS, GROUP_BYTES, GROUP_CHANNELS,
    PANELS, PANEL_PLACES, LAST_PLACES, WEIGHTS, PLACE_BYTES, ENDS, END_BYTES, LAST_END_BYTES,
    OUT_CHANNELS, IS_NARROW, PANEL, LAST_PANEL,
) = range(AFTER_OPERAND, AFTER_OPERAND + 21)  # fmt: skip

_BLOCK_BYTES = 1 << 18
"""Of the operand that one pass over all channels reads: it should stay in the second cache."""

_NARROW_ROWS = 48
"""Positions whose bytes wait to be copied channel by channel."""


def instructions(op: Conv2d, site: Site, isa: Isa | None = None) -> tuple[Instruction, ...] | None:
    """Return the compiled form of a convolution at `site`, None where it has none.

    Args:
        op: Not depthwise.
        site: Where it stands.
        isa: What multiplies; None for what is best here.
    """
    end = end_of(op, site, op.rounding(site.numerics))
    if end is None or not IS_COMPILED:
        return None
    weights = op.weight.centred.reshape(op.weight.shape).astype(np.int64)
    # Where the kernel's columns are neighbours, a whole row of it is one run of bytes.
    if op.groups == 1 and op.dilation[1] == 1:
        weights = weights.reshape(len(weights), op.kernel[0], 1, -1)
    what = Runs(
        images=site.inputs[0].shape,
        positions=site.outputs[0].shape[:3],
        weights=weights,
        stride=op.stride,
        padding=op.padding,
        dilation=op.dilation,
        groups=op.groups,
    )
    return convolution(what, end, isa or multiplier(what), CONVOLUTION)


def convolution(what: Runs, end: End, isa: Isa, opcode: int) -> tuple[Instruction, ...] | None:
    """Return the instruction that computes `what`, None where numbers are too large for it."""
    parts = narrow_parts(what.weights) if isa.has_narrow_weights else (what.weights,)
    if parts is None:
        return None
    operand = plan_operand(what.images, what.padding, isa, end.input_zero)
    if not operand.is_in_reach:
        return None
    taps, runs = taps_of(what, parts, operand.strides, isa)
    offsets = offsets_of(what, operand.strides)
    out = len(what.weights)
    panels = Panels.of(isa, out // what.groups, len(offsets))
    weights, ends = _panel_arrays(what, end, panels, runs)
    constants = Constants()
    numbers = (
        len(offsets),
        _block(operand, panels, len(offsets)),
        # A tile that is not full still reads an offset per row.
        constants.add(np.pad(offsets, (0, panels.rows + panels.last_rows), mode="edge")),
        len(taps),
        constants.add(taps.astype(np.int32)),
        runs.shape[2] // isa.group,
        what.groups,
        what.images[3] // what.groups * isa.element_bytes,
        out // what.groups,
        panels.count,
        panels.width,
        panels.last_width,
        constants.add(weights),
        runs.shape[1] * runs.shape[2] * isa.element_bytes,
        constants.add(ends),
        4 * words(FORMS[end.form], panels.width),
        4 * words(FORMS[end.form], panels.last_width) if panels.last_width else 0,
        out,
        int(what.groups > 1 and out // what.groups % isa.lanes > 0),
        *panels.addresses(end.form),
    )
    return (
        Instruction(
            opcode=opcode,
            numbers=(*operand.numbers, *numbers),
            constants=constants.blob(),
            scratch_bytes=operand.scratch_bytes,
        ),
    )


def _panel_arrays(what: Runs, end: End, panels: Panels, runs: IntArray) -> tuple[Array, Array]:
    """Return the packed weights, and the ends' constants, of every group's panels."""
    out = len(what.weights)
    bias = end.bias + panels.isa.centre * what.weights.reshape(out, -1).sum(axis=1)
    every = [
        places
        for group in range(what.groups)
        for places in panels.places(group * out // what.groups)
    ]
    weights = [packed(runs, places, panels.isa) for places in every]
    ends = [end_constants(end, bias, places, panels.isa) for places in every]
    return np.concatenate(weights), np.concatenate(ends)


def _block(operand: Operand, panels: Panels, positions: int) -> int:
    """Return how many positions all panels pass over before the next ones: whole tiles of each."""
    whole_tiles = panels.rows * panels.last_rows
    return max(1, _BLOCK_BYTES * positions // operand.size_bytes // whole_tiles) * whole_tiles


@kernel
def run_convolution(arena: Array, constants: Array, row: IntArray) -> None:
    """Compute one convolution; the columns of the row are those named above."""
    x = place_operand(arena, row)
    for start in range(0, row[POSITIONS], row[BLOCK]):
        for group in range(row[GROUPS]):
            # The last panel's vectors reach into the next position, which is written after.
            for j in range(row[PANELS], -1, -1):
                if j < row[PANELS] or row[LAST_PANEL] != 0:
                    _run_panel(arena, constants, row, x, start, group, j)


@kernel
def _run_panel(
    arena: Array, constants: Array, row: IntArray, x: int, start: int, group: int, j: int
) -> None:
    """Compute a block of positions of panel j of a group."""
    base = constants.ctypes.data + row[CONSTANTS]
    width, last = row[PANEL_PLACES], row[LAST_PLACES]
    before = group * (row[PANELS] * width + last) + j * width
    weights = base + row[WEIGHTS] + before * row[PLACE_BYTES]
    ends = base + row[ENDS] + (group * row[PANELS] + j) * row[END_BYTES]
    ends += group * row[LAST_END_BYTES]
    address = row[PANEL] if j < row[PANELS] else row[LAST_PANEL]
    own = x + group * row[GROUP_BYTES]
    offsets = base + row[OFFSETS] + 4 * start
    taps, tap_count, steps = base + row[TAP_OFFSETS], row[TAPS], row[STEPS]
    count = min(row[BLOCK], row[POSITIONS] - start)
    out = row[Y] + start * row[OUT_CHANNELS] + group * row[GROUP_CHANNELS] + j * width
    if not row[IS_NARROW]:
        y = arena.ctypes.data + out
        call_address(
            address, own, offsets, count, taps, tap_count, steps, weights, ends, y,
            row[OUT_CHANNELS],
        )  # fmt: skip
        return
    # Another group's channels lie right behind: a whole vector would overwrite them.
    places = width if j < row[PANELS] else last
    channels = min(places, row[GROUP_CHANNELS] - j * width)
    codes = row[SCRATCH]
    for first in range(0, count, _NARROW_ROWS):
        rows = min(_NARROW_ROWS, count - first)
        call_address(
            address, own, offsets + 4 * first, rows, taps, tap_count, steps, weights, ends,
            arena.ctypes.data + codes, places,
        )  # fmt: skip
        for r in range(rows):
            to = out + (first + r) * row[OUT_CHANNELS]
            for c in range(channels):
                arena[to + c] = arena[codes + r * places + c]
