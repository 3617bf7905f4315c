"""A convolution as runs of bytes, and its channels as panels: what its instruction is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.kernels.micro.panel import panel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.arrays import Array, IntArray, Shape
    from hwsim.kernels.micro.isa import Isa
    from hwsim.kernels.patches import Padding, Pair


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """A convolution as runs of bytes.

    Attributes:
        images: [images, height, width, channels].
        positions: [images, height, width] of the output.
        weights: int64 [out, rows of the kernel, runs per row, values per run], centred.
        stride: Vertical, horizontal.
        padding: ((top, bottom), (left, right)).
        dilation: Vertical, horizontal.
        groups: Independent parts of the channels.
    """

    images: Shape
    positions: Shape
    weights: IntArray
    stride: Pair = (1, 1)
    padding: Padding = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    groups: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Panels:
    """How the channels of a group are split.

    Attributes:
        isa: Instruction set.
        channels: Of a group.
        count: Full panels.
        rows: Positions in a tile of theirs.
        last_rows: Positions in a tile of the panel that takes the rest.
    """

    isa: Isa
    channels: int
    count: int
    rows: int
    last_rows: int

    @staticmethod
    def of(isa: Isa, channels: int, positions: int) -> Panels:
        """Return the split for so many channels per group, at so many positions."""
        count, rest = divmod(channels, isa.vectors * isa.lanes)
        last = max(1, -(-rest // isa.lanes))
        return Panels(
            isa=isa,
            channels=channels,
            count=count,
            rows=isa.rows(isa.vectors, positions),
            last_rows=isa.rows(last, positions),
        )

    @property
    def width(self) -> int:
        """Places in a full panel."""
        return self.isa.vectors * self.isa.lanes

    @property
    def last_width(self) -> int:
        """Places in the last panel, 0 where there is none."""
        return -(-(self.channels - self.count * self.width) // self.isa.lanes) * self.isa.lanes

    def addresses(self, form: int) -> tuple[int, int]:
        """Return those of the functions of full panels and of the last, 0 where there is none.

        Args:
            form: Place of the rounding in `micro.rounding.FORMS`.
        """
        isa = self.isa
        last = self.last_width // isa.lanes
        return (
            panel(isa, form, isa.vectors, self.rows) if self.count else 0,
            panel(isa, form, last, self.last_rows) if last else 0,
        )

    def places(self, first: int) -> list[IntArray]:
        """Return per panel the channel that each place holds, negative where there is none."""
        widths = [self.width] * self.count + [self.last_width] * (self.last_width > 0)
        starts = np.arange(len(widths)) * self.width
        orders = [
            start + self.isa.order(width // self.isa.lanes)
            for start, width in zip(starts, widths, strict=True)
        ]
        return [np.where(order < self.channels, first + order, -1) for order in orders]


def taps_of(
    what: Runs, parts: Sequence[IntArray], strides: Shape, isa: Isa
) -> tuple[IntArray, IntArray]:
    """Return the taps' offsets in bytes, and their weights [out, taps, values per run].

    Runs are cut where sums would leave what is exact, and padded with zeros to whole steps. The
    last piece of a run ends where the run does: what lies behind may be no number, and 0 times
    that is none either.
    """
    shape: Shape = what.weights.shape
    out, height, width, length = shape
    pieces = -(-length // isa.depth(int(np.abs(what.weights).max())))
    size = -(-length // (pieces * isa.group)) * isa.group
    pieces = -(-length // size)
    weights = np.stack(parts, axis=1).reshape(out, -1, length)
    padded = np.zeros((out, weights.shape[1], pieces * size), np.int64)
    inside = np.arange(pieces) * size
    whole = inside[-1]
    padded[:, :, :whole] = weights[:, :, :whole]
    if pieces > 1:
        inside[-1] = length - size
        padded[:, :, whole - length :] = weights[:, :, whole:]
    else:
        padded[:, :, :length] = weights
    rows = np.arange(height) * what.dilation[0] * strides[1]
    columns = np.arange(width) * what.dilation[1] * strides[2]
    taps = rows[:, None, None] + columns[:, None] + inside * isa.element_bytes
    return np.tile(taps.reshape(-1), len(parts)), padded.reshape(out, -1, size)


def offsets_of(what: Runs, strides: Shape) -> IntArray:
    """Return where each output position starts to read, in bytes: int32."""
    images, height, width = what.positions
    rows = np.arange(height) * what.stride[0] * strides[1]
    columns = np.arange(width) * what.stride[1] * strides[2]
    starts = np.arange(images) * strides[0]
    return (starts[:, None, None] + rows[:, None] + columns).reshape(-1).astype(np.int32)


def packed(runs: IntArray, places: IntArray, isa: Isa) -> Array:
    """Return weights of a panel, [tap, step, vector, word, lane, value].

    A word is what a lane takes at once: an instruction that multiplies matrices takes several.
    """
    placed = np.where(places[:, None, None] < 0, 0, runs[np.maximum(places, 0)])
    word = min(isa.group, 4)
    shape = (len(places) // isa.lanes, isa.lanes, -1, isa.group // word, word)
    steps = placed.astype(isa.weight).reshape(shape)
    return steps.transpose(2, 0, 3, 1, 4).reshape(-1)
