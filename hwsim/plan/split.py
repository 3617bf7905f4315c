"""How a row of a depthwise convolution is split: into tiles of positions, blocks of channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.kernels.micro.depthwise import Tile, widest

if TYPE_CHECKING:
    from hwsim.arrays import IntArray
    from hwsim.kernels.micro.isa import Isa
    from hwsim.ops.conv2d import Conv2d

_MOST_PIXELS = 8
_MOST_POSITIONS = 3
_MOST_UNROLLED = 8
"""Rows and columns of a kernel whose code is unrolled."""

# Instructions per block of vectors, to choose by: interleaving a group of taps, adding it, the end.
_INTERLEAVE, _ADD, _END, _SINGLE = 8, 4, 50, 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How a row of the result is split into tiles of positions by blocks of vectors.

    Attributes:
        isa: Instruction set.
        channels: Of one pixel.
        pixels: Whose channels are computed as one position: in a row of stride 1 all bytes are
            neighbours, and every tap is one shift of them.
        tile: Of such positions.
        groups: Groups of taps.
    """

    isa: Isa
    channels: int
    pixels: int
    tile: Tile
    groups: int

    @property
    def width(self) -> int:
        """Places in a block."""
        return widest(self.isa) * self.isa.lanes

    @property
    def blocks(self) -> int:
        """Blocks, the last of which may be idle in part."""
        whole, rest = divmod(self.channels * self.pixels, self.width)
        return whole + (rest > self.width // 2)

    @property
    def singles(self) -> int:
        """Vectors of what the blocks leave."""
        rest = self.channels * self.pixels - self.blocks * self.width
        return max(0, -(-rest // self.isa.lanes))

    def cost(self, width: int) -> float:
        """Return about how many instructions a row of that many pixels takes."""
        tile = self.tile
        if tile.positions * self.pixels > width:
            return float("inf")
        columns = tile.positions
        if tile.is_shared:
            columns = ((tile.positions - 1) * tile.stride + tile.columns) / tile.columns
        each = self.groups * (_INTERLEAVE * columns + _ADD * tile.positions) + _END * tile.positions
        # Positions of a tile share the loads of weights and of the end's constants.
        shared = 4 * self.groups + 24
        tiles = -(-width // (tile.positions * self.pixels))
        return tiles * (each + shared) * (self.blocks + _SINGLE * self.singles)

    def places(self) -> list[IntArray]:
        """Return the channel at each place, block after block, then each single vector."""
        orders = [i * self.width + self.isa.order(widest(self.isa)) for i in range(self.blocks)]
        done = self.blocks * self.width
        lanes = self.isa.lanes
        orders += [done + i * lanes + np.arange(lanes) for i in range(self.singles)]
        return [
            np.where(order < self.channels * self.pixels, order % self.channels, -1)
            for order in orders
        ]


def splits(op: Conv2d, isa: Isa, parts: int) -> list[Split]:
    """Return every way to split; the plainest, which always fits, first."""
    rows, columns = op.kernel
    channels = len(op.weight.codes)
    groups = -(-rows * columns * parts // isa.group)
    most = _MOST_PIXELS if op.stride[1] == 1 else 1
    splits = [
        Split(
            isa=isa, channels=channels, pixels=pixels, tile=Tile(positions=positions), groups=groups
        )
        for pixels in range(1, most + 1)
        for positions in (1, 2)
    ]
    if max(rows, columns) <= _MOST_UNROLLED and op.dilation[1] == 1 and parts == 1:
        splits += [
            Split(
                isa=isa,
                channels=channels,
                pixels=1,
                tile=Tile(positions=positions, stride=op.stride[1], rows=rows, columns=columns),
                groups=columns * -(-rows // isa.group),
            )
            for positions in range(1, _MOST_POSITIONS + 1)
        ]
    return splits
