"""Fuse batch norms and activations into the layers before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from compressors._compressor import DataNeed, Settings
from hwsim.fusion import fused

if TYPE_CHECKING:
    from hwsim.data import Data
    from hwsim.graph import Graph


class Fuse(Settings):
    """Fold batch norms into convolutions and linear layers, fuse relu and relu6.

    The function stays the same up to float32 rounding. Batch norms that no layer precedes, and
    integer layers, are left as they are.
    """

    name: ClassVar[str] = "fuse"
    data_need: ClassVar[DataNeed] = "none"

    def apply(self, graph: Graph, data: Data | None = None) -> Graph:
        """See `Compressor.apply`."""
        del data
        return fused(graph)
