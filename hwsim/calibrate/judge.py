"""Judge a fit: on layers that it did not see, beside MAC counting and a roofline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.evidence.errors import Errors, errors_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hwsim.calibrate.sample import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One layer or network, as it was measured and as it was predicted.

    Attributes:
        name: Of it.
        kind: Kind of work, or `network`.
        types: Of activations and weights.
        measured_s: Seconds.
        predicted_s: Seconds.
    """

    name: str
    kind: str
    types: str
    measured_s: float
    predicted_s: float

    @property
    def error(self) -> float:
        """Relative: predicted / measured - 1."""
        return self.predicted_s / self.measured_s - 1.0


def errors_in(rows: Sequence[Judged]) -> Errors | None:
    """Return how far off `rows` are; None where there are none."""
    return errors_of([(row.predicted_s, row.measured_s) for row in rows])


def mac_counting(training: Sequence[Sample], judged: Sequence[Sample]) -> Errors | None:
    """Return the errors of one rate per types: cycles = rate * operations.

    Where nothing multiplies, an element written counts as one.
    """
    return _scaled(training, judged, _operations)


def roofline(training: Sequence[Sample], judged: Sequence[Sample]) -> Errors | None:
    """Return the errors of one scale per types on max(operations / peak, bytes / bandwidth).

    Peak and bandwidth are the best that any training layer of these types showed (Williams et al.,
    CACM 2009).
    """
    ceilings = {
        types: (
            max(_operations(s) / s.cycles for s in own),
            max(_bytes(s) / s.cycles for s in own),
        )
        for types in {s.layer.types for s in training}
        if (own := [s for s in training if s.layer.types == types])
    }

    def cycles(sample: Sample) -> float:
        peak, bandwidth = ceilings[sample.layer.types]
        return max(_operations(sample) / peak, _bytes(sample) / bandwidth)

    return _scaled(training, [s for s in judged if s.layer.types in ceilings], cycles)


def _operations(sample: Sample) -> float:
    (node,) = sample.graph.nodes
    work = sample.graph.workload(node)
    return float(work.macs or work.output_elements)


def _bytes(sample: Sample) -> float:
    (node,) = sample.graph.nodes
    types = (*sample.graph.input_types(node), *sample.graph.output_types(node))
    weights = sum(constant.codes.nbytes for constant in node.op.constants)
    return float(weights + sum(type_.size_bytes for type_ in types))


def _scaled(
    training: Sequence[Sample], judged: Sequence[Sample], cycles: Callable[[Sample], float]
) -> Errors | None:
    """Return errors where what `cycles` says is scaled to the training layers of each types.

    The scale of the least mean absolute relative error, which is the weighted median of the
    ratios.
    """
    scales: dict[str, float] = {}
    for types in {sample.layer.types for sample in training}:
        own = [sample for sample in training if sample.layer.types == types]
        ratios = np.array([sample.cycles / cycles(sample) for sample in own])
        order = np.argsort(ratios)
        weights = np.cumsum(1.0 / ratios[order])
        scales[types] = float(ratios[order][np.searchsorted(weights, weights[-1] / 2)])
    return errors_of(
        [
            (scales[sample.layer.types] * cycles(sample), sample.cycles)
            for sample in judged
            if sample.layer.types in scales
        ]
    )
