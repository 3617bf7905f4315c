"""Fit: few non-negative constants shared by a family, and a scale per system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from hwsim.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.arrays import FloatArray
    from hwsim.evidence.design import Sample
    from hwsim.profile import FitPlan

System = tuple[str, str]

# Constants and scales are fitted in turn; both problems are convex, and few rounds settle them.
_ROUNDS = 60
_SETTLED = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What a fit found.

    Attributes:
        constants: All named constants in cycles, those that were not free included.
        scales: By system.
    """

    constants: Mapping[str, float]
    scales: Mapping[System, float]

    def predict(self, sample: Sample) -> float | None:
        """Return seconds, or None where no row of the fit was of the sample's system."""
        scale = self.scales.get(sample.system)
        return None if scale is None else sample.predict(self.constants, scale)


def fit(
    samples: Sequence[Sample],
    plan: FitPlan,
    constants: Mapping[str, float],
    anchor: tuple[System, float] | None = None,
) -> Fitted:
    """Return the constants and scales that predict `samples` best.

    Minimises sum((predicted / measured - 1)^2) + ridge * sum((c / prior - 1)^2) over constants
    c >= 0 (Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23, in scipy) and over
    scales > 0, in turn.

    Args:
        samples: At least one.
        plan: Which constants are free, their prior, and the pull towards it.
        constants: All named constants; where the free ones start if the plan gives no prior.
        anchor: The system whose scale is held, and its scale, so that constants times scales have
            one meaning; the first sample's, at 1, where absent or not among the samples.

    Raises:
        MeasurementError: There are no samples.
    """
    if not samples:
        raise MeasurementError("nothing to fit: expected at least one measured latency, got none")
    free = plan.constants
    systems = sorted({sample.system for sample in samples})
    held, held_scale = anchor if anchor and anchor[0] in systems else (samples[0].system, 1.0)
    if not free:
        return Fitted(
            constants=dict(constants),
            scales={system: _scale(samples, system, constants) for system in systems},
        )
    prior = {name: plan.prior.get(name, constants[name]) for name in free}
    known = {**constants, **prior}
    scales = dict.fromkeys(systems, held_scale)
    for _ in range(_ROUNDS):
        before = np.array([*known.values(), *scales.values()])
        for system in systems:
            if system != held:
                scales[system] = _scale(samples, system, known)
        known |= _constants(samples, scales, known, prior, plan.ridge)
        after = np.array([*known.values(), *scales.values()])
        if np.allclose(before, after, rtol=_SETTLED, atol=0):
            break
    return Fitted(constants=known, scales=scales)


def _scale(samples: Sequence[Sample], system: System, constants: Mapping[str, float]) -> float:
    """Return the scale of a system: the root of a quadratic in one unknown."""
    own = [sample for sample in samples if sample.system == system]
    rest = np.array([sample.predict(constants, 0.0) / sample.latency_s for sample in own])
    unit = np.array([sample.predict(constants, 1.0) / sample.latency_s for sample in own]) - rest
    if not unit.any():
        return 1.0
    return max(float(unit @ (1.0 - rest) / (unit @ unit)), 1e-6)


def _constants(
    samples: Sequence[Sample],
    scales: Mapping[System, float],
    known: Mapping[str, float],
    prior: Mapping[str, float],
    ridge: float,
) -> dict[str, float]:
    # scipy takes a third of a second to import, and ships no types.
    from scipy.optimize import nnls  # pyright: ignore[reportUnknownVariableType]

    names = list(prior)
    fixed = {name: 0.0 if name in prior else value for name, value in known.items()}
    rows = np.empty((len(samples) + len(names), len(names)))
    target = np.empty(len(rows))
    for i, sample in enumerate(samples):
        scale = scales[sample.system]
        for j, name in enumerate(names):
            seconds = scale * sample.scaled.get(name, 0.0) + sample.unscaled.get(name, 0.0)
            rows[i, j] = seconds / sample.latency_s
        target[i] = 1.0 - sample.predict(fixed, scale) / sample.latency_s
    pull = np.sqrt(ridge)
    rows[len(samples) :] = np.diag([pull / prior[name] for name in names])
    target[len(samples) :] = pull
    # Columns of like size: constants range from cycles per MAC to cycles per call.
    size = np.array([prior[name] for name in names])
    solution = cast("FloatArray", nnls(rows * size, target)[0])
    return dict(zip(names, (solution * size).tolist(), strict=True))
