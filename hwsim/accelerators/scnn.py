"""SCNN: every non-zero weight of a channel meets every non-zero activation of that channel.

Parashar et al.: "SCNN: An Accelerator for Compressed-sparse Convolutional Neural Networks", ISCA
2017, section III (PlanarTiled-InputStationary-CartesianProduct-sparse dataflow) and section IV
(the element: a 4 x 4 array fed with a vector of weights and one of activations per cycle).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.accelerators._walk import Mask, Walk, check_masks, tiles_of
from hwsim.errors import DataError
from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Scnn:
    """Elements that own a tile of the image each and see all weights.

    Products that fall beside the output (halos of a tile, steps of a stride) are made as well, as
    the chip does. Conflicts in the accumulator banks are not modelled: twice as many banks as
    products hide them (section IV).

    Attributes:
        high: Elements along the height of the image.
        wide: Elements along its width; 8 x 8 in the paper (section VI).
        weights_at_once: Weights of one vector (F = 4).
        activations_at_once: Activations of one vector (I = 4).
        rows_per_group: Output channels between two barriers (Kc); 8 is assumed.
    """

    name: ClassVar[str] = "scnn"
    reads_image: ClassVar[bool] = True

    high: int = 8
    wide: int = 8
    weights_at_once: int = 4
    activations_at_once: int = 4
    rows_per_group: int = 8

    @property
    def multipliers(self) -> int:
        """See `Accelerator.multipliers`."""
        return self.high * self.wide * self.weights_at_once * self.activations_at_once

    @property
    def channel_lanes(self) -> int:
        """See `Accelerator.channel_lanes`."""
        return 1

    def walk(self, weights: Mask, activations: Mask) -> Walk:
        """See `Accelerator.walk`.

        Sum over groups of output channels of the slowest element's sum over input channels of
        ceil(weights / F) x ceil(activations of its tile / I). An image given as [positions,
        channels] is as close to a square as its positions can be laid out.
        """
        check_masks(self.name, weights, activations)
        channels = activations.shape[-1]
        if channels == 0 or weights.shape[1] % channels:
            raise DataError(
                f"{self.name}: expected taps x {channels} weights per output as the image has "
                f"{channels} channels, got {weights.shape[1]}"
            )
        stored = self._stored(weights, channels)
        held = self._held(activations)
        totals = np.zeros((2, len(stored)), np.int64)
        _groups(stored, held, self.weights_at_once, self.activations_at_once, totals)
        per_pe = self.weights_at_once * self.activations_at_once
        executed = int(stored.sum(axis=0) @ held.sum(axis=0))
        return Walk(
            cycles=int(totals[0].sum()),
            multipliers=self.multipliers,
            macs_executed=executed,
            filler=int(totals[1].sum()) * per_pe - executed,
        )

    def _stored(self, weights: Mask, channels: int) -> IntArray:
        """Return [groups, channels] non-zero weights."""
        starts = np.arange(0, len(weights), self.rows_per_group)
        per_channel = weights.reshape(len(weights), -1, channels).sum(axis=1, dtype=np.int64)
        return np.add.reduceat(per_channel, starts, axis=0)

    def _held(self, activations: Mask) -> IntArray:
        """Return [elements, channels] non-zero activations of each one's tile.

        Elements beyond the image, which have nothing to do, are left out.
        """
        channels = activations.shape[-1]
        if activations.ndim == 2:
            activations = activations.reshape(_height(len(activations)), -1, channels)
        tall = max(1, tiles_of(activations.shape[0], self.high))
        broad = max(1, tiles_of(activations.shape[1], self.wide))
        high, wide = tiles_of(activations.shape[0], tall), tiles_of(activations.shape[1], broad)
        held = np.zeros((high, wide, channels), np.int64)
        for y in range(high):
            for x in range(wide):
                tile = activations[y * tall : (y + 1) * tall, x * broad : (x + 1) * broad]
                held[y, x] = np.count_nonzero(tile, axis=(0, 1))
        return held.reshape(-1, channels)


def _height(positions: int) -> int:
    """Return the largest divisor that is no longer than the side of a square."""
    return next((d for d in range(isqrt(positions), 0, -1) if positions % d == 0), 1)


@kernel
def _groups(
    stored: IntArray, held: IntArray, weights_at_once: int, activations_at_once: int, out: IntArray
) -> None:
    """Set out[0, g] to the cycles of the slowest element in group g, out[1, g] to those of all.

    Args:
        stored: [groups, channels] non-zero weights.
        held: [elements, channels] non-zero activations.
        weights_at_once: Weights of one vector.
        activations_at_once: Activations of one vector.
        out: [2, groups] int64, overwritten.
    """
    for g in range(stored.shape[0]):
        slowest, total = 0, 0
        for pe in range(held.shape[0]):
            cycles = 0
            for c in range(stored.shape[1]):
                vectors = (stored[g, c] + weights_at_once - 1) // weights_at_once
                cycles += vectors * ((held[pe, c] + activations_at_once - 1) // activations_at_once)
            slowest = max(slowest, cycles)
            total += cycles
        out[0, g], out[1, g] = slowest, total
