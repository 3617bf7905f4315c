"""Fuse batch norms and activations into the layers before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from compressors._compressor import Compressor, DataNeed
from hwsim.fusion import fused

if TYPE_CHECKING:
    from compressors.workbench import Workbench
    from hwsim.graph import Graph


class Fuse(Compressor):
    """Fold batch norms into convolutions and linear layers, fuse relu and relu6.

    The function stays the same up to float32 rounding. Batch norms that no layer precedes, and
    integer layers, are left as they are.
    """

    name: ClassVar[str] = "fuse"
    data_need: ClassVar[DataNeed] = "none"

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        del bench
        return fused(graph)
