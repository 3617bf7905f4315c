"""Depthwise convolutions, blocks of channels at a time; see `kernels.micro.depthwise`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import IS_COMPILED, call_address, kernel
from hwsim.kernels.micro.depthwise import depthwise, widest
from hwsim.kernels.micro.epilogue import words
from hwsim.kernels.micro.isa import native
from hwsim.kernels.micro.rounding import FORMS
from hwsim.plan.heavy import end_constants, end_of, narrow_parts
from hwsim.plan.instruction import CONSTANTS, Constants, Instruction, Y
from hwsim.plan.opcodes import DEPTHWISE
from hwsim.plan.operand import AFTER_OPERAND, place_operand, plan_operand
from hwsim.plan.split import splits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.arrays import Array, IntArray, Shape
    from hwsim.kernels.micro.isa import Isa
    from hwsim.op import Site
    from hwsim.ops.conv2d import Conv2d
    from hwsim.plan.heavy import End
    from hwsim.plan.split import Split

(
    TILES, OFFSETS, TAP_GROUPS, TAP_OFFSETS, X_STEP, Y_STEP, BLOCKS, BLOCK_PLACES, SINGLES,
    SINGLE_PLACES, WEIGHTS, PLACE_BYTES, ENDS, END_BYTES, SINGLE_END_BYTES, BLOCK, SINGLE,
) = range(AFTER_OPERAND, AFTER_OPERAND + 17)  # fmt: skip

_MOST_TAPS = 256
"""Sums of float32 stay exact, and the weights of a block in the first cache."""


def instructions(op: Conv2d, site: Site, isa: Isa | None = None) -> tuple[Instruction, ...] | None:
    """Return the compiled form of a depthwise convolution at `site`, None where it has none.

    Args:
        op: Depthwise.
        site: Where it stands.
        isa: What multiplies; None for the best that this process may use.
    """
    end = end_of(op, site, op.rounding(site.numerics))
    if end is None or not IS_COMPILED:
        return None
    isa = isa or native()
    channels = len(op.weight.codes)
    weights = op.weight.centred.reshape(channels, -1).astype(np.int64)
    parts = narrow_parts(weights) if isa.has_narrow_weights else (weights,)
    if parts is None or weights.shape[1] > _MOST_TAPS:
        return None
    operand = plan_operand(
        site.inputs[0].shape, op.padding, None, end.input_zero, channels // op.groups
    )
    out = site.outputs[0].shape
    if not operand.is_in_reach or site.outputs[0].elements >= 1 << 31:
        return None
    split = min(splits(op, isa, len(parts)), key=lambda split: split.cost(out[2]))
    constants = Constants()
    numbers = _numbers(op, out, operand.strides, split, parts, end, constants)
    return (
        Instruction(
            opcode=DEPTHWISE,
            numbers=(*operand.numbers, *numbers),
            constants=constants.blob(),
            scratch_bytes=operand.scratch_bytes,
        ),
    )


def _numbers(
    op: Conv2d,
    out: Shape,
    strides: Shape,
    split: Split,
    parts: Sequence[IntArray],
    end: End,
    constants: Constants,
) -> tuple[int, ...]:
    """Return the columns TILES to SINGLE; what they refer to is added to `constants`."""
    isa = split.isa
    taps, values = _taps(op, parts, strides, split)
    offsets = _offsets(op, out, strides, split.pixels * split.tile.positions)
    bias = end.bias + isa.centre * values.sum(axis=1)
    # From one position, or where they share columns from one column, to the next.
    step = strides[2] if split.tile.is_shared else strides[2] * op.stride[1]
    every = split.places()
    return (
        len(offsets),
        constants.add(offsets),
        values.shape[1] // isa.group,
        constants.add(taps),
        step * split.pixels,
        split.channels * split.pixels,
        split.blocks,
        split.width,
        split.singles,
        isa.lanes,
        constants.add(np.concatenate([_packed(values, places, isa) for places in every])),
        values.shape[1] * isa.element_bytes,
        constants.add(np.concatenate([end_constants(end, bias, places, isa) for places in every])),
        4 * words(FORMS[end.form], split.width),
        4 * words(FORMS[end.form], isa.lanes),
        depthwise(isa, end.form, widest(isa), split.tile) if split.blocks else 0,
        depthwise(isa, end.form, 1, split.tile) if split.singles else 0,
    )


def _taps(
    op: Conv2d, parts: Sequence[IntArray], strides: Shape, split: Split
) -> tuple[IntArray, IntArray]:
    """Return the taps' int32 offsets, and weights [channels, taps], padded to whole groups."""
    group = split.isa.group
    height, width = op.kernel
    rows = np.arange(height) * op.dilation[0] * strides[1]
    if split.tile.is_shared:
        columns = parts[0].reshape(-1, height, width).transpose(0, 2, 1)
        padded = np.pad(columns, ((0, 0), (0, 0), (0, -height % group)))
        return rows.astype(np.int32), padded.reshape(len(padded), -1)
    columns = np.arange(width) * op.dilation[1] * strides[2]
    taps = np.tile((rows[:, None] + columns).reshape(-1), len(parts))
    missing = -len(taps) % group
    values = np.pad(np.concatenate(parts, axis=1), ((0, 0), (0, missing)))
    return np.pad(taps, (0, missing)).astype(np.int32), values


def _offsets(op: Conv2d, out: Shape, strides: Shape, pixels: int) -> IntArray:
    """Return where every tile of so many pixels is read and written: int32 [positions, 2].

    The last of a row start early enough to stay in it, and compute some pixels again.
    """
    images, height, width, channels = out
    columns = np.minimum(np.arange(0, width, pixels), width - pixels)
    n, i, j = np.meshgrid(np.arange(images), np.arange(height), columns, indexing="ij")
    read = n * strides[0] + i * op.stride[0] * strides[1] + j * op.stride[1] * strides[2]
    written = ((n * height + i) * width + j) * channels
    return np.stack([read, written], axis=-1).reshape(-1, 2).astype(np.int32)


def _packed(values: IntArray, places: IntArray, isa: Isa) -> Array:
    """Return weights of a block, [group of taps, place, tap]."""
    placed = np.where(places[:, None] < 0, 0, values[np.maximum(places, 0)])
    groups = placed.astype(isa.weight).reshape(len(places), -1, isa.group)
    return groups.transpose(1, 0, 2).reshape(-1)


@kernel
def run_depthwise(arena: Array, constants: Array, row: IntArray) -> None:
    """Compute one depthwise convolution; the columns of the row are those named above."""
    x = place_operand(arena, row)
    base = constants.ctypes.data + row[CONSTANTS]
    y = arena.ctypes.data + row[Y]
    count = row[BLOCKS] + row[SINGLES]
    # The last vectors reach into the next position, whose first channels are written after.
    for j in range(count - 1, -1, -1):
        singles = max(0, j - row[BLOCKS])
        done = min(j, row[BLOCKS]) * row[BLOCK_PLACES] + singles * row[SINGLE_PLACES]
        call_address(
            row[BLOCK] if j < row[BLOCKS] else row[SINGLE],
            x + done,
            base + row[OFFSETS],
            row[TILES],
            base + row[TAP_OFFSETS],
            row[TAP_GROUPS],
            row[X_STEP],
            base + row[WEIGHTS] + done * row[PLACE_BYTES],
            base + row[ENDS] + (j - singles) * row[END_BYTES] + singles * row[SINGLE_END_BYTES],
            y + done,
            row[Y_STEP],
        )
