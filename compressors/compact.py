"""Remove channels that change nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from compressors._compressor import Compressor, DataNeed
from hwsim.channels.dead import without_dead

if TYPE_CHECKING:
    from compressors.workbench import Workbench
    from hwsim.graph import Graph


class Compact(Compressor):
    """Remove dead channels, as pruning and training leave them; the function stays the same.

    A channel is dead if nobody reads it (the weights of every layer that gets it are zeros) or if
    it is constant (a filter of zeros leaves its bias and what activations make of that): the
    constant goes into the biases of the layers that read it. It stays where that would be inexact:
    a constant other than 0 before a padded convolution, whose borders see zeros instead, or between
    integers, where only a 0 is the same in every encoding; where a layer's storage format would
    not hold what is left; and where a layer's last channel would go. Reals stay the same up to the
    float32 rounding of biases, integers bit by bit.
    """

    name: ClassVar[str] = "compact"
    data_need: ClassVar[DataNeed] = "none"

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        del bench
        return without_dead(replace(graph))
