"""Crossovers: from which sparsity on a format beats dense weights, measured and predicted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hwsim.calibrate.layers import DENSE
from hwsim.errors import UnsupportedError
from hwsim.evaluation import estimate
from hwsim.matrix.crossover import crossover

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hwsim.calibrate.layers import Layer
    from hwsim.calibrate.sample import Sample
    from hwsim.profile import DeviceProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossover:
    """One format of one shape that no price has seen.

    Attributes:
        shape: The dense layer's name.
        format: Of the sparse ones.
        measured: Least sparsity from which on it is faster; None where it never was.
        predicted: The same by the fitted profile.
    """

    shape: str
    format: str
    measured: float | None
    predicted: float | None


def crossovers(ladders: Sequence[Sample], profile: DeviceProfile) -> tuple[Crossover, ...]:
    """Return the crossover of every format and shape whose ladder was measured.

    Args:
        ladders: Layers of equal shape, dense and ever sparser.
        profile: Fitted to others.
    """
    found: list[Crossover] = []
    for dense in (sample for sample in ladders if sample.layer.format == DENSE):
        formats = dict.fromkeys(s.layer.format for s in ladders if _shape(s) == dense.layer)
        for name in formats:
            rungs = sorted(
                (s for s in ladders if _shape(s) == dense.layer and s.layer.format == name),
                key=lambda sample: sample.layer.sparsity,
            )
            if name == DENSE or len(rungs) < _LEAST_RUNGS:
                continue
            if any(_predicted_s(sample, profile) is None for sample in (dense, *rungs)):
                continue  # Every training layer of its kernel was disturbed.
            found.append(
                Crossover(
                    shape=dense.layer.name,
                    format=name,
                    measured=_crossover(dense, rungs, lambda sample: sample.cycles),
                    predicted=_crossover(
                        dense, rungs, lambda sample: _predicted_s(sample, profile) or 0.0
                    ),
                )
            )
    return tuple(found)


# Fewer leave too wide a gap to interpolate.
_LEAST_RUNGS = 5


def _predicted_s(sample: Sample, profile: DeviceProfile) -> float | None:
    """Return what a layer takes as it is stored; None where it would run otherwise, or not."""
    try:
        priced = estimate(sample.graph, profile)
    except UnsupportedError:
        return None
    return priced.latency_s if priced.steps[0].executed_as == "native" else None


def _shape(sample: Sample) -> Layer:
    return replace(sample.layer, format=DENSE, sparsity=0.0)


def _crossover(
    dense: Sample, rungs: Sequence[Sample], time: Callable[[Sample], float]
) -> float | None:
    base = time(dense)
    ratios = [time(rung) / base for rung in rungs]
    return crossover([rung.layer.sparsity for rung in rungs], [ratios])
