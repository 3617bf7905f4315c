"""The design of a fit: what each named constant of a profile contributes to a predicted latency."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from hwsim.cost import count
from hwsim.cost.terms import TERMS, hidden_terms
from hwsim.errors import HwsimError, MeasurementError
from hwsim.evidence.networks import network
from hwsim.lower import lower
from hwsim.profile import load_profile, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hwsim.evidence.measurement import Measurement
    from hwsim.profile import DeviceProfile, KernelRule
    from hwsim.profile.quantities import Price
    from hwsim.program import Program
    from hwsim.records import Counts

FIXED = ""
"""Stands for all prices that are plain numbers."""


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
        roofline_s: The longer of arithmetic at the profile's best rate and of bytes, per layer.
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
        scaled, unscaled = _contributions(program, counts, profile)
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
            runtime.weight_coding,
            tuple(
                (name, m.holds, m.access_bytes, m.retains_activations and m.size_bytes)
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


def _contributions(
    program: Program, counts: tuple[Counts, ...], profile: DeviceProfile
) -> tuple[dict[str, float], dict[str, float]]:
    """Return seconds per cycle of each constant, in kernels and in memories.

    Where the longer of two times counts, only that one contributes: the fit goes round until the
    same one stays the longer.
    """
    scaled: dict[str, float] = {}
    unscaled: dict[str, float] = {}
    launches = 0
    for step, done in zip(program.steps, counts, strict=True):
        assert step.rule is not None  # Refused when it was counted.
        launches += bool(done.outputs)
        own = _kernel(step.rule, done, profile)
        moved = _transfers(done, profile)
        if _overlaps(step.rule, profile) and moved:
            slowest = max(moved, key=lambda name: _cycles(moved[name], profile))
            moved = {slowest: moved[slowest]}
            if _cycles(moved[slowest], profile) > _scale(profile) * _cycles(own, profile):
                own = {}
            else:
                moved = {}
        for parts in (own, _serial(step.rule, done, profile)):
            _add(scaled, parts)
        for parts in moved.values():
            _add(unscaled, parts)
    runtime, clock_hz = profile.runtime, profile.hardware.clock_hz
    _add(scaled, _part(runtime.per_inference, 1))
    host = _part(runtime.per_launch, launches)
    needed = _scale(profile) * _cycles(scaled, profile) + _cycles(unscaled, profile)
    if _scale(profile) * _cycles(host, profile) > needed:
        scaled, unscaled = host, {}
    return (
        {name: cycles / clock_hz for name, cycles in scaled.items()},
        {name: cycles / clock_hz for name, cycles in unscaled.items()},
    )


def _scale(profile: DeviceProfile) -> float:
    return profile.runtime.current.scale


def _part(price: Price, units: float) -> dict[str, float]:
    """Return how much of which constant `units` of a price are."""
    return {price: units} if isinstance(price, str) else {FIXED: price * units}


def _add(total: dict[str, float], parts: Mapping[str, float]) -> None:
    for name, units in parts.items():
        if units:
            total[name] = total.get(name, 0.0) + units


def _cycles(parts: Mapping[str, float], profile: DeviceProfile) -> float:
    known = {**profile.runtime.constants, FIXED: 1.0}
    return sum(known[name] * units for name, units in parts.items())


def _kernel(rule: KernelRule, done: Counts, profile: DeviceProfile) -> dict[str, float]:
    parts: dict[str, float] = {}
    terms: dict[str, dict[str, float]] = {}
    for term in TERMS:
        price: Price = getattr(rule.cycles, term.price)
        terms[term.name] = _part(price, term.units(done, profile.hardware))
    if rule.pipelined:
        for name in hidden_terms({name: _cycles(own, profile) for name, own in terms.items()}):
            del terms[name]
        terms["call"] = _part(rule.cycles.per_call, done.calls)
    for own in terms.values():
        _add(parts, own)
    return parts


def _serial(rule: KernelRule, done: Counts, profile: DeviceProfile) -> dict[str, float]:
    parts: dict[str, float] = {}
    if not rule.pipelined:
        _add(parts, _part(rule.cycles.per_call, done.calls))
    _add(parts, _part(profile.runtime.per_relayout, done.relayouts))
    if profile.hardware.cores > 1 and done.outputs:
        _add(parts, _part(profile.runtime.per_fork, done.calls))
    return parts


def _transfers(done: Counts, profile: DeviceProfile) -> dict[str, dict[str, float]]:
    transfers: dict[str, dict[str, float]] = {}
    for name, moved in done.traffic_bytes.items():
        memory = profile.hardware.memories[name]
        if memory.bytes_per_cycle is not None:
            transfers[name] = {FIXED: moved / memory.bytes_per_cycle}
        elif memory.cycles_per_byte is not None:
            transfers[name] = _part(memory.cycles_per_byte, moved)
    return transfers


def _overlaps(rule: KernelRule, profile: DeviceProfile) -> bool:
    own = rule.overlaps_memory
    return profile.runtime.overlaps_memory if own is None else own


def roofline_s(program: Program, counts: tuple[Counts, ...], profile: DeviceProfile) -> float:
    """Return what a plain roofline says, in seconds: max(MACs / peak, bytes / bandwidth) per layer.

    The peak is the best rate of any kernel of the profile, the bandwidth that of the memories where
    data rest (4 bytes per cycle, a 32-bit bus, where the profile does not time them); Williams et
    al., CACM 2009.
    """
    runtime, hardware = profile.runtime, profile.hardware
    rates = [
        cycles
        for step in program.steps
        if step.rule is not None and (cycles := runtime.cycles(step.rule.cycles.per_mac))
    ]
    peak = min(rates, default=0.0) * hardware.compute_share
    total = 0.0
    for done in counts:
        moved = sum(
            size * _home_cycles(name, profile)
            for name, size in done.traffic_bytes.items()
            if hardware.memories[name].holds
        )
        total += max(done.macs * peak, moved)
    return total / hardware.clock_hz


_BUS_BYTES_PER_CYCLE = 4


def _home_cycles(name: str, profile: DeviceProfile) -> float:
    memory = profile.hardware.memories[name]
    if memory.bytes_per_cycle is not None:
        return 1.0 / memory.bytes_per_cycle
    if memory.cycles_per_byte is not None:
        return profile.runtime.cycles(memory.cycles_per_byte)
    return 1.0 / _BUS_BYTES_PER_CYCLE
