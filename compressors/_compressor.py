"""What every compressor is: settings that are checked, and a function of graphs."""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from compressors._finite import require_finite
from compressors.workbench import Workbench

if TYPE_CHECKING:
    from hwsim.data import Data
    from hwsim.graph import Graph

DataNeed: TypeAlias = Literal["none", "calibration", "labelled"]
"""What a step needs beside the graph: nothing, inputs, or inputs with labels."""

# Text that a spec string may hold without quotes.
_PLAIN = re.compile(r"[\w.:;*?!+/\[\]-]+", re.ASCII)


class Compressor(BaseModel):
    """A pure function of graphs whose fields are its settings, checked strictly, never changed.

    It prints as the spec string that makes it, settings that differ from their default only:
    `prune{sparsity=0.9}`.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)
    name: ClassVar[str]
    data_need: ClassVar[DataNeed]

    @property
    def needs(self) -> DataNeed:
        """What these settings need; at most `data_need`, which is for any settings."""
        return self.data_need

    @property
    def is_priced(self) -> bool:
        """Whether these settings ask what a graph costs on the device."""
        return False

    @abstractmethod
    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """Return the compressed graph; `graph` is left as it is.

        Args:
            graph: What to compress.
            bench: Data, teacher and price, as far as the settings need them.

        Raises:
            RecipeError: The settings do not fit the graph, or something needed is missing.
        """

    def apply(self, graph: Graph, data: Data | None = None) -> Graph:
        """Return what this step alone makes of `graph`, which is left as it is.

        Raises:
            RecipeError: As `compress`.
        """
        require_finite(graph, self.name, "mend the model first")
        return self.compress(graph, Workbench(data=data, original=graph))

    def __str__(self) -> str:
        """Return the spec string."""
        shown = [
            f"{key}={_spelled(getattr(self, key))}"
            for key, field in type(self).model_fields.items()
            if field.is_required() or getattr(self, key) != field.default
        ]
        return self.name + ("{" + ",".join(shown) + "}" if shown else "")


def _spelled(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
