"""The quantized forms of a graph: integers throughout, or integer weights between reals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from compressors.quantization.encodings import ActivationEncoding, encodings
from compressors.quantization.integer_ops import as_integers, with_integer_weights
from compressors.quantization.islands import real_tensors, with_conversions
from compressors.quantization.plan import REAL_BITS, ActivationPlan, WeightPlan, require_one_kind
from compressors.quantization.ranges import observe
from compressors.quantization.scales import LARGEST_SCALE
from compressors.quantization.signs import SIGN_BITS, with_signs
from compressors.quantization.widths import matching
from hwsim.channels.layers import Layer
from hwsim.errors import RecipeError
from hwsim.fusion import fused, without_batch_norm
from hwsim.graph import validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compressors.quantization.observers import Observation, Range
    from hwsim.arrays import Array
    from hwsim.graph import Graph
    from hwsim.op import Op
    from hwsim.tensor import Weight


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizationPlan:
    """Everything that decides a quantized form.

    Attributes:
        weights: Of weights.
        activations: Widths of activations.
        observation: How ranges are observed.
        power_of_two_scales: Whether activations' scales are powers of two.
        exclude: Patterns of nodes that stay float.
    """

    weights: WeightPlan
    activations: ActivationPlan
    observation: Observation
    power_of_two_scales: bool = False
    exclude: str = ""

    def floats(self, graph: Graph) -> tuple[str, ...]:
        """Return the names of the nodes that stay float.

        Raises:
            RecipeError: A pattern matches none.
        """
        names = [node.name for node in graph.nodes]
        return matching(names, self.exclude, f"{graph.name}: quantize: exclude")


def between_reals(graph: Graph, plan: QuantizationPlan, *, is_decoded: bool) -> Graph:
    """Return `graph` with integer weights, its activations reals.

    Args:
        graph: Of floats; integer weights of it stay.
        plan: Of which weights and exclude count.
        is_decoded: Whether layers multiply the reals that weights mean, or quantize their inputs as
            they arrive.
    """
    graph = fused(graph)
    floats, made = plan.floats(graph), plan.weights.encodings(graph, REAL_BITS)
    ops = {
        node.name: with_integer_weights(node.op, made[node.name], is_decoded=is_decoded)
        for node in graph.nodes
        if node.name not in floats
    }
    return validate(graph.with_ops(ops))


def integers(graph: Graph, x: Array, plan: QuantizationPlan) -> Graph:
    """Return `graph` of integers throughout, but for nodes that stay float.

    Args:
        graph: Of floats; integer weights of it stay.
        x: Calibration inputs [samples, ...].
        plan: How.
    """
    graph = without_batch_norm(fused(graph))
    require_moderate(graph)
    floats = plan.floats(graph)
    graph, bits = with_signs(graph, plan.activations.widths_of(graph), floats)
    ranges = observe(graph, x, plan.observation, bits)
    require_both_signs(graph, ranges, bits)
    encoding = ActivationEncoding(
        bits=bits,
        is_symmetric=plan.observation.is_symmetric,
        power_of_two_scales=plan.power_of_two_scales,
    )
    quants = encodings(graph, ranges, encoding)
    reals = real_tensors(graph, floats)
    require_one_kind(graph, {name: quants[name].bits for name in quants if name not in reals})
    made = plan.weights.encodings(graph, max(quant.bits for quant in quants.values()))
    ops: dict[str, Op] = {}
    for node in graph.nodes:
        if node.name not in floats:
            scale = quants[node.inputs[0]].scale[0] if node.inputs else 1.0
            output = quants[node.outputs[0]]
            ops[node.name] = as_integers(node.op, scale, output, made[node.name])
    tensors = {
        name: type_ if name in reals else replace(type_, quant=quants[name])
        for name, type_ in graph.tensors.items()
    }
    return validate(with_conversions(replace(graph.with_ops(ops), tensors=tensors), floats))


def require_both_signs(graph: Graph, ranges: Mapping[str, Range], bits: Mapping[str, int]) -> None:
    """Refuse signs of tensors that are never negative: they would all be +1.

    Raises:
        RecipeError: There are some.
    """
    for name, width in bits.items():
        maker = graph.producers.get(name)
        if width == SIGN_BITS and maker is not None and ranges[maker.inputs[0]][0] >= 0.0:
            raise RecipeError(
                f"{graph.name}: quantize: activations of 1 bit need tensors of both signs, got "
                f"{maker.inputs[0]!r}, which is never negative; take 8 bits for it, as "
                f"layer_activations=NODE=8 does, or train a network without ReLU there"
            )


def require_reals(graph: Graph) -> None:
    """Refuse a graph that is quantized already; weights that layers decode may be integers.

    Raises:
        RecipeError: It is.
    """
    for name, type_ in graph.tensors.items():
        if type_.quant is not None:
            raise RecipeError(
                f"{graph.name}: quantize: expected a graph of floats, got {type_} in tensor "
                f"{name!r}; it is quantized already, leave the step out"
            )
    for node in graph.nodes:
        for weight in node.op.constants:
            if weight.quant is not None and not _is_kept(node.op, weight):
                raise RecipeError(
                    f"{graph.name}/{node.name}: quantize: expected float weights, or integer ones "
                    f"of a layer that decodes them, got int{weight.bits}; leave out the step that "
                    "made them integers"
                )


def _is_kept(op: Op, weight: Weight) -> bool:
    """Return whether `weight` is integer, and its layer takes such weights between integers too."""
    is_layer = isinstance(op, Layer) and weight is op.weight
    return is_layer and weight.is_decoded


def require_moderate(graph: Graph) -> None:
    """Refuse constants whose scales would leave float32.

    Raises:
        RecipeError: There are some.
    """
    for node in graph.nodes:
        for weight in node.op.constants:
            largest = float(np.abs(weight.real()).max(initial=0.0))
            if not largest <= LARGEST_SCALE:
                raise RecipeError(
                    f"{graph.name}/{node.name}: quantize: expected constants up to "
                    f"{LARGEST_SCALE:.3g}, got {largest:.3g}; scale the layer"
                )
