"""What a quantized graph shall be: a scheme for each layer, a width for each tensor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zlib import crc32

from compressors.quantization.integer_ops import LayerEncoding
from compressors.quantization.rounding import RoundingName, find_rounding
from compressors.quantization.schemes import SchemeSettings, make_scheme
from compressors.quantization.widths import ends, weighted, widths_of
from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from compressors.quantization.widths import Widths
    from hwsim.graph import Graph, Node

REAL_BITS = 32
_NARROW_BITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightPlan:
    """How weights are encoded.

    Attributes:
        settings: Of the scheme, where a layer has no width of its own.
        rounding: Of steps; stochastic rounding draws apart for each layer.
        seed: Of stochastic rounding.
        widths: Of single layers: they are uniform, or asymmetric where that is the scheme.
        ends: Fewest bits of the first and the last layer, likewise; 0: as the others.
    """

    settings: SchemeSettings
    rounding: RoundingName = "nearest_even"
    seed: int = 0
    widths: Widths = ()
    ends: int = 0

    def encodings(self, graph: Graph, activation_bits: int) -> dict[str, LayerEncoding]:
        """Return the encoding of every node of `graph`, by name.

        Raises:
            RecipeError: A pattern names no layer of real weights, or a scheme has not that width.
        """
        own = self._own_widths(graph)
        return {
            node.name: LayerEncoding(
                where=f"{graph.name}/{node.name}",
                scheme=make_scheme(self._settings(node, own.get(node.name))),
                activation_bits=activation_bits,
            )
            for node in graph.nodes
        }

    def _own_widths(self, graph: Graph) -> dict[str, int]:
        """Return the bits of each layer that has a width of its own."""
        reals = [n.name for n in weighted(graph) if n.op.weight and n.op.weight.quant is None]
        is_wider = self.ends > self.settings.bits
        own = {node.name: self.ends for node in ends(graph) if is_wider and node.name in reals}
        return own | widths_of(reals, self.widths, f"{graph.name}: quantize: layer_weights")

    def _settings(self, node: Node, bits: int | None) -> SchemeSettings:
        rounding = find_rounding(self.rounding, self.seed, crc32(node.name.encode()))
        settings = self.settings
        if settings.name in ("uniform", "asymmetric"):
            settings = replace(settings, round=rounding)
        if bits is None:
            return settings
        is_affine = settings.name == "asymmetric" and bits <= _NARROW_BITS
        return replace(settings, name="asymmetric" if is_affine else "uniform", bits=bits)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationPlan:
    """How wide activations are.

    Attributes:
        bits: Where a tensor has no width of its own.
        widths: Of what single nodes make.
        ends: Fewest of the graph's inputs and outputs, and of what its first and its last layer
            read; 0: as others.
    """

    bits: int
    widths: Widths = ()
    ends: int = 0

    def widths_of(self, graph: Graph) -> dict[str, int]:
        """Return the bits of every tensor of `graph`.

        Raises:
            RecipeError: A pattern names no node.
        """
        found = dict.fromkeys(graph.tensors, self.bits)
        if self.ends > self.bits:
            read = [tensor for node in ends(graph) for tensor in node.inputs]
            found |= dict.fromkeys((*graph.inputs, *graph.outputs, *read), self.ends)
        names = [node.name for node in graph.nodes]
        own = widths_of(names, self.widths, f"{graph.name}: quantize: layer_activations")
        for node in graph.nodes:
            if node.name in own:
                found |= dict.fromkeys(node.outputs, own[node.name])
        return found


def require_one_kind(graph: Graph, bits: dict[str, int]) -> None:
    """Refuse tensors of up to 8 bits beside wider ones: ops take one kind or the other.

    Raises:
        RecipeError: There are both.
    """
    narrow = next((name for name, width in bits.items() if width <= _NARROW_BITS), None)
    wide = next((name for name, width in bits.items() if width > _NARROW_BITS), None)
    if narrow is not None and wide is not None:
        raise RecipeError(
            f"{graph.name}: quantize: expected all activations of up to 8 bits, or all of more, "
            f"got {bits[narrow]} in {narrow!r} and {bits[wide]} in {wide!r}"
        )
