"""Encoding: the same weights in fewer bytes, by the format they are stored in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import field_validator, model_validator

from compressors._compressor import Compressor, DataNeed
from compressors._patterns import chosen_of
from hwsim.channels.layers import layers_of
from hwsim.errors import FormatError, RecipeError
from hwsim.formats import FORMATS
from hwsim.formats.find import find_format
from hwsim.ops import Linear

if TYPE_CHECKING:
    from compressors.workbench import Workbench
    from hwsim.channels.layers import Layer
    from hwsim.graph import Graph
    from hwsim.op import Op
    from hwsim.tensor import Weight

_SMALLEST = "smallest"


class Encode(Compressor):
    """Store the weights of convolutions and linear layers in another format; no value changes.

    Deep Compression (Han et al., arXiv 1510.00149, section 4) is `prune`, `share` and then
    `encode{linear=relative4_huffman,conv=relative8_huffman}`.

    Attributes:
        format: A storage format, or `smallest`: of each layer, the one of the fewest bytes, tables
            and indices included.
        linear: Of linear layers, instead of `format`.
        conv: Of convolutions, instead of `format`.
        layers: Node names to encode: shell patterns, separated by `;`.
        exclude: Node names to leave, likewise.
    """

    name: ClassVar[str] = "encode"
    data_need: ClassVar[DataNeed] = "none"
    format: str = _SMALLEST
    linear: str = ""
    conv: str = ""
    layers: str = "*"
    exclude: str = ""

    @field_validator("format", "linear", "conv")
    @classmethod
    def _known_format(cls, value: str) -> str:
        if value not in ("", _SMALLEST):
            try:
                find_format(value)
            except FormatError as error:
                raise ValueError(f"{error}, or {_SMALLEST}") from error
        return value

    @model_validator(mode="after")
    def _all_used(self) -> Self:
        if not self.format:
            raise ValueError(f"expected a storage format or {_SMALLEST}, got none")
        if self.linear and self.conv and self.format != _SMALLEST:
            raise ValueError(f"linear and conv leave no layer for format={self.format}")
        return self

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        del bench
        chosen = chosen_of(
            layers_of(graph), self.layers, self.exclude, f"{graph.name}: {self.name}"
        )
        return graph.with_ops(
            {name: self._encoded(f"{graph.name}/{name}", op) for name, op in chosen.items()}
        )

    def _encoded(self, where: str, op: Layer) -> Op:
        asked = (self.linear if isinstance(op, Linear) else self.conv) or self.format
        if asked == _SMALLEST:
            return replace(op, weight=_smallest(op.weight))
        weight = replace(op.weight, format=find_format(asked))
        try:
            _ = weight.packed
        except FormatError as error:
            raise RecipeError(f"{where}: encode cannot store it: {error}") from error
        return replace(op, weight=weight)


def _smallest(weight: Weight) -> Weight:
    """Return `weight` in the format of the fewest bytes that holds it, the simplest of several."""

    def size_bytes(encoded: Weight) -> float:
        try:
            return encoded.storage_bytes
        except FormatError:
            return float("inf")

    formats = (*FORMATS, weight.format)
    return min((replace(weight, format=format_) for format_ in formats), key=size_bytes)
