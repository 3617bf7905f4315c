"""Pools of bytes: first down the rows of a window, then along it, whole lines of channels at once.

What remains of a window at the border is all that is read: padding never wins a maximum, and
counts in an average as so many zero points, or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import kernel
from hwsim.ops._activation import clamped_target
from hwsim.plan.instruction import FIRST_NUMBER, SCRATCH, Constants, Instruction, X, Y
from hwsim.plan.opcodes import AVERAGE_POOL, MAX_POOL

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.op import Site
    from hwsim.ops import AveragePool2d, MaxPool2d

# Sums of fewer elements divide exactly in float32; see `_divide`.
_LARGEST_WINDOW = 1 << 14


def average(op: AveragePool2d, site: Site) -> tuple[Instruction, ...] | None:
    """Return the average; None where the op computes it in reals."""
    x, y = site.inputs[0], site.outputs[0]
    if x.quant is None or x.quant != y.quant or site.numerics.average != "whole":
        return None
    if op.kernel[0] * op.kernel[1] >= _LARGEST_WINDOW:
        return None
    target = clamped_target(op.activation, x.quant)
    zero = x.quant.zero_point[0] if op.count_padding else 0
    numbers = (
        *_geometry(op, site), target.low, target.high, x.quant.low, int(op.count_padding), zero,
    )  # fmt: skip
    scratch_bytes = 4 * x.shape[2] * x.shape[3] + 4 * x.shape[3]
    return (
        Instruction(
            opcode=AVERAGE_POOL,
            numbers=numbers,
            constants=Constants().blob(),
            scratch_bytes=scratch_bytes,
        ),
    )


def maximum(op: MaxPool2d, site: Site) -> tuple[Instruction, ...] | None:
    """Return the maximum; None where the encoding changes, which the op does in reals."""
    x, y = site.inputs[0], site.outputs[0]
    if x.quant is None or x.quant != y.quant:
        return None
    target = clamped_target(op.activation, x.quant, site.numerics.quantize)
    low, high = target.low - x.quant.low, target.high - x.quant.low
    return (
        Instruction(
            opcode=MAX_POOL,
            numbers=(*_geometry(op, site), low, high),
            constants=Constants().blob(),
            scratch_bytes=x.shape[2] * x.shape[3],
        ),
    )


def _geometry(op: AveragePool2d | MaxPool2d, site: Site) -> tuple[int, ...]:
    """Return batch, extents of x and y, channels, kernel, stride, padding above and before."""
    batch, height, width, channels = site.inputs[0].shape
    extents = site.outputs[0].shape[1:3]
    return (
        batch, height, width, *extents, channels, *op.kernel, *op.stride,
        op.padding[0][0], op.padding[1][0],
    )  # fmt: skip


@kernel
def add_bytes(x: Array, sums: IntArray) -> None:
    """Add every byte of `x` to the int32 beside it."""
    for i in range(x.shape[0]):
        sums[i] = np.int32(sums[i] + np.int32(x[i]))


@kernel
def _add_sums(x: IntArray, sums: IntArray) -> None:
    for i in range(x.shape[0]):
        sums[i] = np.int32(sums[i] + x[i])


@kernel
def _raise_to(x: Array, y: Array) -> None:
    for i in range(x.shape[0]):
        y[i] = max(y[i], x[i])


@kernel
def _divide(
    sums: IntArray, y: Array, offset: int, count: int, limits: tuple[int, int, int]
) -> None:
    """Set `y` to the mean codes, halves away from zero, as bytes.

    With n = |total| + count // 2 < 2^22, (n + 1/2) / count lies at least 1 / (2 count) away from
    whole numbers, and float32 is off by less than 2^-15 where the mean is at most 256.

    Args:
        sums: Totals of bytes.
        y: Bytes.
        offset: Added to every total: what brings bytes to codes, and padding's share.
        count: What totals are divided by.
        limits: Smallest and largest code of the clamp, and the code of the byte 0.
    """
    half, inverse = np.int32(count // 2), np.float32(np.float32(1) / np.float32(count))
    low, high, lowest = np.int32(limits[0]), np.int32(limits[1]), np.int32(limits[2])
    base = np.int32(offset)
    for c in range(y.shape[0]):
        total = np.int32(sums[c] + base)
        nearest = np.float32(np.int32(abs(total) + half)) + np.float32(0.5)
        quotient = np.int32(np.float32(nearest * inverse))
        mean = np.int32(-quotient) if total < 0 else quotient
        y[c] = np.uint8(np.int32(min(max(mean, low), high) - lowest))


@kernel
def run_average_pool(arena: Array, constants: Array, row: IntArray) -> None:
    """Run AVERAGE_POOL; see `run_copy`."""
    g = row[FIRST_NUMBER : FIRST_NUMBER + 17]
    height, width, channels = g[1], g[2], g[5]
    line = width * channels
    low, high, lowest, counts_padding, zero = g[12], g[13], g[14], g[15], g[16]
    scratch = arena[row[SCRATCH] : row[SCRATCH] + 4 * (line + channels)].view(np.int32)
    columns, sums = scratch[:line], scratch[line:]
    for image in range(g[0]):
        for i in range(g[3]):
            top, bottom = max(i * g[8] - g[10], 0), min(i * g[8] - g[10] + g[6], height)
            columns[:] = 0
            for r in range(top, bottom):
                start = row[X] + (image * height + r) * line
                add_bytes(arena[start : start + line], columns)
            for j in range(g[4]):
                left, right = max(j * g[9] - g[11], 0), min(j * g[9] - g[11] + g[7], width)
                sums[:] = 0
                for c in range(left, right):
                    _add_sums(columns[c * channels : (c + 1) * channels], sums)
                taken, whole = (bottom - top) * (right - left), g[6] * g[7]
                offset = taken * lowest
                count = taken
                if counts_padding == 1:
                    offset += (whole - taken) * zero
                    count = whole
                at = row[Y] + ((image * g[3] + i) * g[4] + j) * channels
                _divide(sums, arena[at : at + channels], offset, count, (low, high, lowest))


@kernel
def run_max_pool(arena: Array, constants: Array, row: IntArray) -> None:
    """Run MAX_POOL; see `run_copy`."""
    g = row[FIRST_NUMBER : FIRST_NUMBER + 14]
    height, width, channels = g[1], g[2], g[5]
    line = width * channels
    low, high = np.uint8(g[12]), np.uint8(g[13])
    columns = arena[row[SCRATCH] : row[SCRATCH] + line]
    for image in range(g[0]):
        for i in range(g[3]):
            top, bottom = max(i * g[8] - g[10], 0), min(i * g[8] - g[10] + g[6], height)
            columns[:] = low
            for r in range(top, bottom):
                start = row[X] + (image * height + r) * line
                _raise_to(arena[start : start + line], columns)
            for j in range(g[4]):
                left, right = max(j * g[9] - g[11], 0), min(j * g[9] - g[11] + g[7], width)
                at = row[Y] + ((image * g[3] + i) * g[4] + j) * channels
                y = arena[at : at + channels]
                y[:] = low
                for c in range(left, right):
                    _raise_to(columns[c * channels : (c + 1) * channels], y)
                for c in range(channels):
                    y[c] = min(y[c], high)
