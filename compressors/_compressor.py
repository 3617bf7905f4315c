"""What a compressor must offer."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from hwsim.data import Data
    from hwsim.graph import Graph

DataNeed: TypeAlias = Literal["none", "calibration", "labelled"]
"""What a step needs beside the graph: nothing, inputs, or inputs with labels."""

# Text that a spec string may hold without quotes.
_PLAIN = re.compile(r"[\w.:;*?!+/\[\]-]+", re.ASCII)


class Settings(BaseModel):
    """Base of all compressors: fields are settings, checked strictly, and never change.

    It prints as the spec string that makes it, settings that differ from their default only:
    `prune{sparsity=0.9}`.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)
    name: ClassVar[str]
    data_need: ClassVar[DataNeed]

    @property
    def needs(self) -> DataNeed:
        """What these settings need; at most `data_need`."""
        return self.data_need

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


class Compressor(Protocol):
    """A pure function of graphs whose fields are its settings."""

    name: ClassVar[str]
    data_need: ClassVar[DataNeed]

    @property
    def needs(self) -> DataNeed:
        """What these settings need; at most `data_need`, which is for any settings."""
        ...

    def apply(self, graph: Graph, data: Data | None = None) -> Graph:
        """Return the compressed graph; `graph` is left as it is.

        Args:
            graph: What to compress.
            data: Calibration inputs or training data, as `data_need` says.

        Raises:
            RecipeError: The settings do not fit the graph, or data is missing.
        """
        ...
