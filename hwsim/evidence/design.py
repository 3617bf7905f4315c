"""The design of a fit: what each named constant of a profile contributes to a predicted latency."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from hwsim.cost import count
from hwsim.errors import HwsimError, MeasurementError
from hwsim.evidence.contributions import FIXED, contributions
from hwsim.evidence.networks import network
from hwsim.evidence.roofline import roofline_s
from hwsim.lower import lower
from hwsim.profile import load_profile, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hwsim.evidence.measurement import Measurement
    from hwsim.profile import DeviceProfile
    from hwsim.program import Program
    from hwsim.records import Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A measured latency, and how a prediction of it is put together.

    predicted = scale * sum(scaled[c] * c) + sum(unscaled[c] * c), seconds, over constants c in
    cycles; what plain numbers contribute stands under `FIXED`, for a constant of 1.

    Attributes:
        measurement: The row.
        profile: With the row's overrides.
        system: What shares one scale: core or board, and version.
        latency_s: Measured, > 0.
        scaled: Seconds per cycle of each constant in kernels.
        unscaled: The same of memories, which no version of a runtime makes faster.
        macs: Of one inference.
        roofline_s: Per layer the longer of arithmetic at its kernels' best rate and of bytes.
    """

    measurement: Measurement
    profile: DeviceProfile
    system: tuple[str, str]
    latency_s: float
    scaled: Mapping[str, float]
    unscaled: Mapping[str, float]
    macs: int
    roofline_s: float

    def predict(self, constants: Mapping[str, float], scale: float) -> float:
        """Return seconds."""
        known = {**constants, FIXED: 1.0}
        scaled = sum(seconds * known[name] for name, seconds in self.scaled.items())
        return scale * scaled + sum(
            seconds * known[name] for name, seconds in self.unscaled.items()
        )


def sample(row: Measurement, folder: Path | None = None) -> Sample:
    """Return how a prediction of `row` is put together.

    Raises:
        MeasurementError: It has no latency, or its network, profile or overrides do not exist or
            cannot be priced.
    """
    if row.latency_s is None:
        raise MeasurementError(f"{row.where}: latency_ms: expected a number, got none")
    try:
        profile = profile_of(row.profile, row.overrides)
        program, counts = _counted(row.network, row.types, _Structure(profile), folder)
        scaled, unscaled = contributions(program, counts, profile)
    except HwsimError as error:
        raise MeasurementError(f"{row.where}: {error}") from error
    plan = profile.fit
    is_by_board = plan is not None and plan.scale_per == "board"
    place = row.board if is_by_board else profile.hardware.core or profile.name
    return Sample(
        measurement=row,
        profile=profile,
        system=(place, profile.runtime.version),
        latency_s=row.latency_s,
        scaled={name: value * row.repeats for name, value in scaled.items()},
        unscaled={name: value * row.repeats for name, value in unscaled.items()},
        macs=row.repeats * sum(done.macs for done in counts),
        roofline_s=row.repeats * roofline_s(program, counts, profile),
    )


@lru_cache(maxsize=512)
def profile_of(name: str, overrides: tuple[tuple[str, str], ...]) -> DeviceProfile:
    """Return a profile with the overrides of a row.

    Raises:
        ProfileError: There is no such profile or key.
    """
    return load_profile(name, {key: value_of(key, text) for key, text in overrides})


class _Structure:
    """A profile, equal to all others that count alike: prices and clocks count for nothing."""

    def __init__(self, profile: DeviceProfile) -> None:
        runtime = profile.runtime
        self.profile = profile
        self.key = (
            tuple((name, rule.model_dump_json()) for name, rule in runtime.kernels.items()),
            runtime.real_bits,
            runtime.current.removes_dead_channels,
            runtime.merges_pads,
            runtime.folds_constants,
            runtime.weight_coding,
            tuple(
                (
                    name,
                    m.holds,
                    m.access_bytes,
                    m.retains_activations and m.size_bytes,
                    m.is_cache and (m.size_bytes, m.line_bytes, m.ways),
                )
                for name, m in profile.hardware.memories.items()
            ),
        )

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Structure) and self.key == other.key


@lru_cache(maxsize=2048)
def _counted(
    name: str, types: str, structure: _Structure, folder: Path | None
) -> tuple[Program, tuple[Counts, ...]]:
    program = lower(network(name, types, folder), structure.profile)
    for step in program.steps:
        if step.rule is None:
            raise MeasurementError(f"{name}/{step.node.name}: {step.reason}")
    return program, count(program)
