"""The model as it is: the baseline of every comparison."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from compressors._compressor import Compressor, DataNeed

if TYPE_CHECKING:
    from compressors.workbench import Workbench
    from hwsim.graph import Graph


class Identity(Compressor):
    """Change nothing."""

    name: ClassVar[str] = "none"
    data_need: ClassVar[DataNeed] = "none"

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        del bench
        return replace(graph)
