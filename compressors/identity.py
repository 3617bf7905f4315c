"""The model as it is: the baseline of every comparison."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from compressors._compressor import DataNeed, Settings

if TYPE_CHECKING:
    from hwsim.data import Data
    from hwsim.graph import Graph


class Identity(Settings):
    """Change nothing."""

    name: ClassVar[str] = "none"
    data_need: ClassVar[DataNeed] = "none"

    def apply(self, graph: Graph, data: Data | None = None) -> Graph:
        """See `Compressor.apply`."""
        del data
        return replace(graph)
