"""Observe the ranges of activations: run calibration inputs, keep what the observer needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compressors.quantization.observers import MinMax
from hwsim.errors import DataError
from hwsim.reference import trace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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

    Args:
        graph: With one input.
        x: [samples, ...], as in `reference.trace`.
        observation: How.
        bits: Of each tensor's codes.

    Raises:
        DataError: `x` does not fit, or some activation is infinite or NaN.
    """
    totals = {name: len(x) * type_.elements for name, type_ in graph.tensors.items()}
    if not observation.needs_range:
        return _watched(graph, x, lambda name: observation.make(totals[name], bits[name]))
    seen = _watched(graph, x, lambda _: MinMax())
    return _watched(graph, x, lambda name: observation.make(totals[name], bits[name], seen[name]))


def _watched(
    graph: Graph, x: Array, make_observer: Callable[[str], Observer]
) -> Mapping[str, Range]:
    """Return the ranges that observers of all tensors tell, widened to hold 0."""
    largest = max(type_.elements for type_ in graph.tensors.values())
    part = max(1, _PART_BYTES // (8 * largest))
    observers = {name: make_observer(name) for name in graph.tensors}

    def visit(tensor: str, values: FloatArray) -> None:
        if not np.isfinite(values).all():
            raise DataError(
                f"{graph.name}: tensor {tensor!r} is infinite or NaN on the calibration inputs; "
                "expected finite activations"
            )
        observers[tensor].see(values)

    for first in range(0, len(x), part):
        trace(graph, x[first : first + part], visit)
    ranges = {name: observer.range() for name, observer in observers.items()}
    return {name: (min(low, 0.0), max(high, 0.0)) for name, (low, high) in ranges.items()}
