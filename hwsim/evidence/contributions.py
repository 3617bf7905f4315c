"""Contributions: a price taken apart into what each named constant adds to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.cost.terms import TERMS, hidden_terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.profile import DeviceProfile, KernelRule
    from hwsim.profile.quantities import Price
    from hwsim.program import Program
    from hwsim.records import Counts

FIXED = ""
"""Stands for all prices that are plain numbers."""


def contributions(
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
        own, waits = _kernel(step.rule, done, profile), _gathers(done, profile)
        moved = _transfers(done, profile)
        if _overlaps(step.rule, profile) and moved:
            slowest = max(moved, key=lambda name: _cycles(moved[name], profile))
            moved = {slowest: moved[slowest]}
            computed = _scale(profile) * _cycles(own, profile) + _cycles(waits, profile)
            if _cycles(moved[slowest], profile) > computed:
                own, waits = {}, {}
            else:
                moved = {}
        for parts in (own, _serial(step.rule, done, profile)):
            _add(scaled, parts)
        for parts in (waits, *moved.values()):
            _add(unscaled, parts)
    runtime, clock_hz = profile.runtime, profile.hardware.clock_hz
    host = _part(runtime.per_launch, launches)
    needed = _scale(profile) * _cycles(scaled, profile) + _cycles(unscaled, profile)
    if _scale(profile) * _cycles(host, profile) > needed:
        scaled, unscaled = host, {}
    # As it is priced: an inference starts before its first launch.
    _add(scaled, _part(runtime.per_inference, 1))
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


def _gathers(done: Counts, profile: DeviceProfile) -> dict[str, float]:
    """Return the cycles that gathers wait for lines: plain numbers under every version."""
    hardware = profile.hardware
    cycles = sum(
        lines * (hardware.memories[name].latency_cycles or 0.0) * hardware.memory_share
        for name, lines in done.gather_misses.items()
    )
    return {FIXED: cycles} if cycles else {}


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
