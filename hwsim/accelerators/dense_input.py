"""Walk a layer of which only the weights are known: every activation counts as non-zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwsim.accelerators._walk import Accelerator, Mask, Walk


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A heavy layer as an accelerator sees it.

    Attributes:
        weights: [groups x rows, taps x channels per group], channels innermost.
        groups: Independent products, one block of rows after the other.
        channels: Input channels per group.
        positions: Output positions.
        image: Height and width of the input; None where positions have no neighbours.
    """

    weights: Mask
    groups: int
    channels: int
    positions: int
    image: tuple[int, int] | None

    @property
    def matrix(self) -> Mask:
        """The weights as one product: [all rows, taps x all channels], zero between groups."""
        if self.groups == 1:
            return self.weights
        rows, k = self.weights.shape
        per_group, taps = rows // self.groups, k // self.channels
        whole = np.zeros((self.groups, per_group, taps, self.groups, self.channels), np.bool_)
        blocks = self.weights.reshape(self.groups, per_group, taps, self.channels)
        each = np.arange(self.groups)
        whole[each, :, :, each] = blocks
        return whole.reshape(rows, -1)


def walk_dense_input(accelerator: Accelerator, layer: Layer) -> Walk:
    """Return the cycles of `layer` while no activation is zero, padding of the image included.

    Where the accelerator reads the image, padding is not read and costs nothing.
    """
    weights = layer.matrix
    if layer.image is None or not accelerator.reads_image:
        shape = (layer.positions, weights.shape[1])
    else:
        shape = (*layer.image, layer.groups * layer.channels)
    return accelerator.walk(weights, np.broadcast_to(np.True_, shape))
