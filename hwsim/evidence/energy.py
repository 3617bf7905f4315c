"""Energy: how well the joules of an inference follow from its seconds and a mean power."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from hwsim.cost import count, price
from hwsim.errors import MeasurementError
from hwsim.evidence.design import profile_of
from hwsim.evidence.errors import errors_of
from hwsim.evidence.held_out import group_of
from hwsim.evidence.networks import network
from hwsim.lower import lower
from hwsim.profile import load_profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hwsim.evidence.design import Sample
    from hwsim.evidence.errors import Errors
    from hwsim.evidence.held_out import Prediction
    from hwsim.profile import FitPlan

_PJ = 1e-12
_FIGURES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """How far energies are off, on the rows of a profile that state one.

    The mean power of a row is that of the other groups' rows of its board, profile and version.

    Attributes:
        given_latency: Measured latency times the mean power.
        end_to_end: Held-out latency times the mean power: the row's group was seen by neither.
        in_sample: As the profile is shipped, on rows of its own version of the runtime.
        other_versions: The same on the rows of other versions, other set-ups of the board included.
    """

    given_latency: Errors | None
    end_to_end: Errors | None
    in_sample: Errors | None
    other_versions: Errors | None


def energy_errors(
    samples: Sequence[Sample], plan: FitPlan, held_out: Iterable[Prediction]
) -> Energy | None:
    """Return the errors of predicted energies; None where no row states one.

    Args:
        samples: Rows of one profile, or of a family.
        plan: Says what is left out together.
        held_out: Latencies of the rows, each predicted without its group.
    """
    measured = [s for s in samples if s.measurement.energy_j is not None]
    if not measured:
        return None
    power_w = {s.measurement.where: mean_power_w(s, measured, plan) for s in measured}
    given = [(s, s.latency_s) for s in measured]
    predicted = [(s, seconds) for s, seconds in held_out if s.measurement.where in power_w]
    given_latency, end_to_end = (
        errors_of(
            [
                (seconds * power, _joules(s))
                for s, seconds in pairs
                if (power := power_w[s.measurement.where]) is not None
            ]
        )
        for pairs in (given, predicted)
    )
    own, other = (
        errors_of([(priced_j(s), _joules(s)) for s in measured if _is_own_version(s) is is_own])
        for is_own in (True, False)
    )
    return Energy(
        given_latency=given_latency, end_to_end=end_to_end, in_sample=own, other_versions=other
    )


def mean_power_w(of: Sample, samples: Iterable[Sample], plan: FitPlan) -> float | None:
    """Return the mean power of the rows of the same set-up and other groups; None without any."""
    powers = [
        _joules(other) / other.latency_s
        for other in samples
        if _set_up(other) == _set_up(of) and group_of(other, plan) != group_of(of, plan)
    ]
    return float(np.mean(powers)) if powers else None


def measured_cycle_pj(samples: Iterable[Sample], profile: str) -> float | None:
    """Return the energy of a cycle in pJ, the mean of a profile's rows of its own version.

    What MACs and bytes take by the profile's own prices is not part of it, so that the terms of
    an estimate add up to the measured energy. None where no row states one.
    """
    cycles_pj = [
        (_joules(s) - _beside_cycles_j(s)) / (s.latency_s * s.profile.hardware.clock_hz) / _PJ
        for s in samples
        if s.measurement.profile == profile
        and s.measurement.energy_j is not None
        and _is_own_version(s)
    ]
    return float(f"{np.mean(cycles_pj):.{_FIGURES}g}") if cycles_pj else None


def priced_j(of: Sample) -> float:
    """Return the energy of a row as its profile prices it, latency included."""
    return sum(_terms_j(of).values())


def _beside_cycles_j(of: Sample) -> float:
    return sum(joules for term, joules in _terms_j(of).items() if term != "cycles")


def _terms_j(of: Sample) -> Mapping[str, float]:
    row = of.measurement
    terms = _priced(row.profile, row.overrides, row.network, row.types)
    return {term: joules * row.repeats for term, joules in terms.items()}


@lru_cache(maxsize=512)
def _priced(
    profile: str, overrides: tuple[tuple[str, str], ...], name: str, types: str
) -> Mapping[str, float]:
    program = lower(network(name, types), profile_of(profile, overrides))
    total: dict[str, float] = {}
    for step in price(program, count(program)).steps:
        for term, joules in step.energy_terms_j.items():
            total[term] = total.get(term, 0.0) + joules
    return total


def _set_up(of: Sample) -> tuple[str, ...]:
    return of.measurement.board, *of.measurement.system


def _is_own_version(of: Sample) -> bool:
    """Return whether a row is of the version that the profile, as shipped, describes."""
    shipped = load_profile(of.measurement.profile).runtime.version
    return of.profile.runtime.version == shipped


def _joules(of: Sample) -> float:
    joules = of.measurement.energy_j
    if joules is None:
        raise MeasurementError(f"{of.measurement.where}: energy_uj: expected a number, got none")
    return joules
