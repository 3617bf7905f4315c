"""Layers of signs times signs: activations packed to bits, products counted; see `kernels.xnor`.

A pixel's signs fill whole words of 32 bits, and a kernel's row is a run of such words: the panels
of `kernels.micro.panel` run over them as over bytes. What pads an image lies there as bits 0,
which count as -1: the bias of the positions that see it makes up for that, so positions are sorted
by which taps of the kernel lie outside.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from hwsim.formats import Signs
from hwsim.jit import IS_COMPILED, call_address, kernel
from hwsim.kernels.micro.epilogue import words
from hwsim.kernels.micro.rounding import FORMS
from hwsim.kernels.micro.signs import WORD_BYTES, counter, pack_run
from hwsim.ops import Conv2d
from hwsim.plan.heavy import end_constants, end_of
from hwsim.plan.instruction import (
    CONSTANTS,
    FIRST_NUMBER,
    SCRATCH,
    SLACK,
    Constants,
    Instruction,
    X,
    Y,
)
from hwsim.plan.opcodes import SIGNS
from hwsim.plan.operand import CODES_BYTES
from hwsim.plan.runs import Panels, Runs, offsets_of, packed, taps_of
from hwsim.plan.windows import biases_of, windows_of

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray, Shape
    from hwsim.kernels.micro.isa import Isa
    from hwsim.op import Site
    from hwsim.ops import Linear
    from hwsim.plan.heavy import End

(
    PACK, IMAGES, HEIGHT, LINE, PIXELS, CHANNELS, PIXEL_BYTES, FIRST_PIXEL, LINE_BYTES, SIZE,
    OFFSETS, ORDER, TAPS, TAP_OFFSETS, STEPS, CLASSES, CLASS_STARTS, GROUPS, GROUP_BYTES,
    GROUP_CHANNELS, PANELS, PANEL_PLACES, LAST_PLACES, WEIGHTS, PLACE_BYTES, ENDS, END_BYTES,
    LAST_END_BYTES, CLASS_BYTES, OUT_CHANNELS, IS_SCATTERED, PANEL, LAST_PANEL,
) = range(FIRST_NUMBER, FIRST_NUMBER + 33)  # fmt: skip

_WAITING: Final = 48
"""Positions whose bytes wait to be copied to their places."""

_FEWEST: Final = 12
"""Signs of a word that are worth its three instructions; one multiplies four bytes."""


def instructions(
    op: Conv2d | Linear, site: Site, isa: Isa | None = None
) -> tuple[Instruction, ...] | None:
    """Return the compiled form of a layer of signs at `site`, None where it is not, or gains none.

    Args:
        op: Not depthwise.
        site: Where it stands.
        isa: What counts; None for what is best here.
    """
    x = site.inputs[0].quant
    if x is None or not x.is_bipolar or not isinstance(op.weight.format, Signs) or not IS_COMPILED:
        return None
    end, isa = end_of(op, site, op.rounding(site.numerics)), isa or counter()
    if end is None or isa is None:
        return None
    shape, layer = site.inputs[0].shape, op
    if not isinstance(layer, Conv2d):
        out, features = op.weight.shape
        shape = (1, 1, site.inputs[0].elements // features, features)
        layer = Conv2d(weight=replace(op.weight, codes=op.weight.codes.reshape(out, 1, 1, -1)))
    depth = layer.weight.shape[3]
    if depth < _FEWEST * -(-depth // (8 * WORD_BYTES)):
        return None
    return _counted(layer, shape, end, isa)


def _counted(op: Conv2d, images: Shape, end: End, isa: Isa) -> tuple[Instruction, ...] | None:
    """Return the instruction of a convolution of signs; bias and clamp are those of `end`."""
    (top, bottom), (left, right) = op.padding
    depth = op.weight.shape[3]
    group_bytes = -(-depth // (8 * WORD_BYTES)) * WORD_BYTES
    pixel = group_bytes * op.groups
    height, width = images[1] + top + bottom, images[2] + left + right
    strides = (height * width * pixel, width * pixel, pixel)
    size = images[0] * strides[0]
    if size >= 1 << 31:
        return None
    windows = windows_of(op, images)
    what = Runs(
        images=images,
        positions=op.infer(images)[0][:3],
        weights=_run_bytes(op, group_bytes),
        stride=op.stride,
        dilation=op.dilation,
        groups=op.groups,
    )
    taps, runs = taps_of(what, (what.weights,), strides, isa)
    offsets = offsets_of(what, strides)[windows.order]
    out = len(op.weight.codes) // op.groups
    panels = Panels.of(isa, out, len(offsets))
    biases = biases_of(op, end, windows)
    every = [places for g in range(op.groups) for places in panels.places(g * out)]
    constants = Constants()
    numbers = (
        pack_run(),
        images[0],
        images[1],
        images[2] * op.groups * depth,
        images[2] * op.groups,
        depth,
        group_bytes,
        top * strides[1] + left * pixel,
        strides[1],
        strides[0],
        # A tile that is not full still reads an offset per row.
        constants.add(np.pad(offsets, (0, panels.rows + panels.last_rows), mode="edge")),
        constants.add(windows.order),
        len(taps),
        constants.add(taps.astype(np.int32)),
        runs.shape[2] // WORD_BYTES,
        len(biases),
        constants.add(windows.starts),
        op.groups,
        group_bytes,
        out,
        panels.count,
        panels.width,
        panels.last_width,
        constants.add(np.concatenate([packed(runs, places, isa) for places in every])),
        runs.shape[1] * runs.shape[2],
        constants.add(
            np.concatenate([end_constants(end, b, places, isa) for b in biases for places in every])
        ),
        *_end_bytes(end, panels, op.groups),
        op.groups * out,
        int(len(biases) > 1 or op.groups > 1),
        *panels.addresses(end.form),
    )
    room = CODES_BYTES + size + SLACK
    return (
        Instruction(opcode=SIGNS, numbers=numbers, constants=constants.blob(), scratch_bytes=room),
    )


def _end_bytes(end: End, panels: Panels, groups: int) -> tuple[int, int, int]:
    """Return the bytes of the ends of a full panel, of the last, and of all of a class."""
    form = FORMS[end.form]
    full = 4 * words(form, panels.width)
    last = 4 * words(form, panels.last_width) if panels.last_width else 0
    return full, last, groups * (panels.count * full + last)


def _run_bytes(op: Conv2d, group_bytes: int) -> IntArray:
    """Return the weights' bits as `Runs` has them: int64 [out, rows, runs, bytes of a run]."""
    out, height, width, depth = op.weight.shape
    bits = np.zeros((out, height, width, 8 * group_bytes), np.uint8)
    bits[..., :depth] = op.weight.codes > 0
    as_bytes = np.packbits(bits, axis=3, bitorder="little").astype(np.int64)
    # Where the kernel's columns are neighbours, a whole row of it is one run.
    is_whole = op.groups == 1 and op.dilation[1] == 1
    return as_bytes.reshape(out, height, 1, -1) if is_whole else as_bytes


@kernel
def run_signs(arena: Array, constants: Array, row: IntArray) -> None:
    """Run SIGNS; see `run_copy`."""
    x = _pack(arena, row)
    starts = constants[row[CONSTANTS] + row[CLASS_STARTS] :].view(np.int32)
    for c in range(row[CLASSES]):
        for group in range(row[GROUPS]):
            # The last panel's vectors reach into the next position, which is written after.
            for j in range(row[PANELS], -1, -1):
                if j < row[PANELS] or row[LAST_PANEL] != 0:
                    _run_panel(arena, constants, row, x, c, starts[c : c + 2], group, j)


@kernel
def _pack(arena: Array, row: IntArray) -> int:
    """Pack the images' signs, zeros around them, and return the address."""
    begin = row[SCRATCH] + CODES_BYTES
    arena[begin : begin + row[IMAGES] * row[SIZE]] = 0
    source = arena.ctypes.data + row[X]
    start = arena.ctypes.data + begin
    for image in range(row[IMAGES]):
        to = start + image * row[SIZE] + row[FIRST_PIXEL]
        for _ in range(row[HEIGHT]):
            call_address(
                row[PACK], source, to, row[CHANNELS], row[PIXELS], row[PIXEL_BYTES], 0, 0, 0, 0, 0
            )
            source += row[LINE]
            to += row[LINE_BYTES]
    return start


@kernel
def _run_panel(
    arena: Array, constants: Array, row: IntArray, x: int, c: int, ends_at: IntArray, group: int,
    j: int,
) -> None:  # fmt: skip
    """Compute the positions of class c for panel j of a group."""
    base = constants.ctypes.data + row[CONSTANTS]
    width, last = row[PANEL_PLACES], row[LAST_PLACES]
    before = group * (row[PANELS] * width + last) + j * width
    weights = base + row[WEIGHTS] + before * row[PLACE_BYTES]
    ends = base + row[ENDS] + c * row[CLASS_BYTES]
    ends += (group * row[PANELS] + j) * row[END_BYTES] + group * row[LAST_END_BYTES]
    address = row[PANEL] if j < row[PANELS] else row[LAST_PANEL]
    own = x + group * row[GROUP_BYTES]
    offsets = base + row[OFFSETS]
    taps, tap_count, steps = base + row[TAP_OFFSETS], row[TAPS], row[STEPS]
    first, end = int(ends_at[0]), int(ends_at[1])
    out = row[Y] + group * row[GROUP_CHANNELS] + j * width
    if not row[IS_SCATTERED]:
        call_address(
            address, own, offsets, end, taps, tap_count, steps, weights, ends,
            arena.ctypes.data + out, row[OUT_CHANNELS],
        )  # fmt: skip
        return
    order = constants[row[CONSTANTS] + row[ORDER] :].view(np.int32)
    places = width if j < row[PANELS] else last
    channels = min(places, row[GROUP_CHANNELS] - j * width)
    codes = row[SCRATCH]
    for start in range(first, end, _WAITING):
        count = min(_WAITING, end - start)
        call_address(
            address, own, offsets + 4 * start, count, taps, tap_count, steps, weights, ends,
            arena.ctypes.data + codes, places,
        )  # fmt: skip
        for r in range(count):
            to = out + int(order[start + r]) * row[OUT_CHANNELS]
            made = codes + r * places
            _copy(arena[made : made + channels], arena[to : to + channels])


@kernel
def _copy(source: Array, target: Array) -> None:
    for i in range(source.shape[0]):
        target[i] = source[i]
