"""Images as planes, where taps of a kernel are offsets; see `kernels.micro.planes`.

A convolution of stride s is one of stride 1 over s x s images of every s-th pixel each: phases.
Every plane holds one phase of a channel (or of four), all images in one column; a tile of positions
is a run of it, and what lies right of the last wanted column is computed and overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.kernels.micro.planes import SQUARE
from hwsim.kernels.micro.stored import tile_of

if TYPE_CHECKING:
    from hwsim.arrays import IntArray
    from hwsim.kernels.micro.isa import Isa
    from hwsim.plan.operand import Operand
    from hwsim.plan.runs import Runs

LINE_BYTES = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Planes:
    """Where every value of the operand lies.

    Attributes:
        quad: Neighbouring channels that lie together.
        pixels: Of every phase, the offset in the operand of each position: int32 [phases, n].
        is_strip: Whether one tile is laid out at a time: kernels of 1 x 1 need no more.
        plane_bytes: From one plane to the next.
        phase_bytes: From one phase to the next.
        offsets: Of every column of the weights, or of every quad: int64.
        tiles: Of positions.
        written: Offset of each position's bytes in the result: int32 [tiles * positions].
        wanted: Positions before the end of the last wanted one.
    """

    quad: int
    pixels: IntArray
    is_strip: bool
    plane_bytes: int
    phase_bytes: int
    offsets: IntArray
    tiles: int
    written: IntArray
    wanted: int

    @property
    def size_bytes(self) -> int:
        """Of all planes, and what is read behind the last."""
        return len(self.pixels) * self.phase_bytes


def planes_of(what: Runs, operand: Operand, isa: Isa, quad: int) -> Planes:
    """Return the layout for a convolution of one group.

    Args:
        what: Its weights are [out, kernel height, kernel width, channels].
        operand: The padded images.
        isa: Whose tiles.
        quad: Neighbouring channels that lie together, which divides the channels.
    """
    _, height, width, channels = (int(extent) for extent in what.weights.shape)
    images, rows, _, _ = operand.shape
    taps = [
        (a * what.dilation[0], b * what.dilation[1]) for a in range(height) for b in range(width)
    ]
    (down, right), (_, high, wide) = what.stride, what.positions
    phases = sorted({(i % down, j % right) for i, j in taps})
    # Every image keeps the rows that its kernels reach; of one image, fewer columns do.
    deep = -(-rows // down)
    pitch = max(wide + (j // right) for _, j in taps)
    is_strip = (height, width) == (1, 1)
    tile = tile_of(isa)
    if is_strip:
        deep, pitch = high, wide
    span = (images - 1) * deep + high
    wanted = (span - 1) * pitch + wide
    tiles = -(-wanted // tile)
    reached = wanted if is_strip else ((images - 1) * deep + deep) * pitch
    count = -(-max(reached, 1) // SQUARE) * SQUARE
    if is_strip:
        count, plane = tiles * tile, tile * quad
    else:
        # An odd number of lines: planes must not compete for the same few sets of the cache.
        reach = max((i // down) * pitch + j // right for i, j in taps)
        room = max(count, tiles * tile + reach) * quad
        plane = (-(-room // LINE_BYTES) | 1) * LINE_BYTES
    spread = -(-channels // (quad if quad > 1 else SQUARE))
    phase_bytes = spread * plane if quad > 1 else spread * SQUARE * plane
    pixels = [_pixels(operand, what, phase, (deep, pitch), count) for phase in phases]
    first = [
        phases.index((i % down, j % right)) * phase_bytes
        + ((i // down) * pitch + j // right) * quad
        for i, j in taps
    ]
    planes = np.arange(0, channels // quad * plane, plane)
    offsets = np.add.outer(first, planes)
    return Planes(
        quad=quad,
        pixels=np.stack(pixels).astype(np.int32),
        is_strip=is_strip,
        plane_bytes=plane,
        phase_bytes=phase_bytes,
        offsets=offsets.reshape(-1),
        tiles=tiles,
        written=_written(what, deep, pitch, tiles * tile),
        wanted=wanted,
    )


def _pixels(
    operand: Operand, what: Runs, phase: tuple[int, int], extents: tuple[int, int], count: int
) -> IntArray:
    """Return where each position of a phase lies in the operand; any place where none is needed."""
    images, rows, columns, _ = operand.shape
    (deep, pitch), at = extents, np.arange(count)
    n, rest = np.divmod(at, deep * pitch)
    i, j = np.divmod(rest, pitch)
    i = np.minimum(i * what.stride[0] + phase[0], rows - 1)
    j = np.minimum(j * what.stride[1] + phase[1], columns - 1)
    strides = operand.strides
    return np.minimum(n, images - 1) * strides[0] + i * strides[1] + j * strides[2]


def _written(what: Runs, deep: int, pitch: int, count: int) -> IntArray:
    """Return where each position's bytes go: of one that is not wanted, where the next one's do."""
    images, high, wide = what.positions
    n, rest = np.divmod(np.arange(count), deep * pitch)
    i, j = np.divmod(rest, pitch)
    pixel = np.where(
        i < high,
        (n * high + np.minimum(i, high - 1)) * wide + np.minimum(j, wide),
        (n + 1) * high * wide,
    )
    last = images * high * wide - 1
    return (np.minimum(pixel, last) * len(what.weights)).astype(np.int32)
