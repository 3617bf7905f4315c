"""Observe the ranges of activations: run calibration inputs, keep what the observer needs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from compressors.quantization.observers import MeanMagnitude, MinMax
from compressors.quantization.scales import activation_scale
from hwsim.errors import DataError
from hwsim.numerics import Quant
from hwsim.reference import trace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from compressors.quantization.observers import Observation, Observer, Range
    from hwsim.arrays import Array, FloatArray
    from hwsim.graph import Graph

# Samples are run in parts whose largest tensor, in float64, stays below this; gathered image
# patches take several times as much.
_PART_BYTES = 1 << 24


def observe(
    graph: Graph, x: Array, observation: Observation, bits: Mapping[str, int]
) -> Mapping[str, Range]:
    """Return the range of every tensor of `graph` over the samples `x`, widened to hold 0.

    Tensors of one bit are signs of their mean magnitude to whatever reads them.

    Args:
        graph: With one input.
        x: [samples, ...], as in `reference.trace`.
        observation: How.
        bits: Of each tensor's codes.

    Raises:
        DataError: `x` does not fit, or some activation is infinite or NaN.
    """
    totals = {name: len(x) * type_.elements for name, type_ in graph.tensors.items()}
    graph = _with_signs(graph, x, bits)
    if not observation.needs_range:
        return _watched(graph, x, lambda name: observation.make(totals[name], bits[name]))
    seen = _watched(graph, x, lambda _: MinMax())
    return _watched(graph, x, lambda name: observation.make(totals[name], bits[name], seen[name]))


def _with_signs(graph: Graph, x: Array, bits: Mapping[str, int]) -> Graph:
    """Return `graph` with the tensors of one bit encoded, each as those before it make it be."""
    for tensor in (*graph.inputs, *(tensor for node in graph.nodes for tensor in node.outputs)):
        if bits[tensor] == 1:
            high = _watched(graph, x, lambda _: MeanMagnitude(), (tensor,))[tensor][1]
            quant = Quant(scale=(activation_scale(high),), bits=1, is_bipolar=True)
            typed = replace(graph.tensors[tensor], quant=quant)
            graph = replace(graph, tensors={**graph.tensors, tensor: typed})
    return graph


def _watched(
    graph: Graph,
    x: Array,
    make_observer: Callable[[str], Observer],
    names: Collection[str] | None = None,
) -> Mapping[str, Range]:
    """Return the ranges that observers of `names`, or of all tensors, tell, widened to hold 0."""
    largest = max(type_.elements for type_ in graph.tensors.values())
    part = max(1, _PART_BYTES // (8 * largest))
    observers = {name: make_observer(name) for name in names or graph.tensors}

    def visit(tensor: str, values: FloatArray) -> None:
        if not np.isfinite(values).all():
            raise DataError(
                f"{graph.name}: tensor {tensor!r} is infinite or NaN on the calibration inputs; "
                "expected finite activations"
            )
        if tensor in observers:
            observers[tensor].see(values)

    for first in range(0, len(x), part):
        trace(graph, x[first : first + part], visit)
    ranges = {name: observer.range() for name, observer in observers.items()}
    return {name: (min(low, 0.0), max(high, 0.0)) for name, (low, high) in ranges.items()}
