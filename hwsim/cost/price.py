"""Price: multiply counts by what the device asks for each; every figure is a sum of named terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.errors import UnsupportedError
from hwsim.records import Counts, Estimate, StepEstimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.profile import DeviceProfile
    from hwsim.profile.schema import Cycles
    from hwsim.program import Program, Step

# Without evidence, the truth is taken to lie within a factor of two: assumed, not measured.
_UNCALIBRATED_FACTOR = 2.0
# Twice the mean absolute error covers 86 % of a Laplace distribution: 1 - exp(-2).
_ERRORS_COVERED = 2.0
_PJ = 1e-12


def price(program: Program, counts: Sequence[Counts]) -> Estimate:
    """Return the estimate of one inference.

    Args:
        program: What runs, and where.
        counts: One record per step, as `count` returns them.

    Raises:
        UnsupportedError: A step cannot run there, or its MACs have no energy.
    """
    profile = program.profile
    steps = tuple(
        _price_step(program, step, done) for step, done in zip(program.steps, counts, strict=True)
    )
    latency_s = sum(step.latency_s for step in steps)
    evidence = profile.evidence
    factor = (
        _UNCALIBRATED_FACTOR if evidence is None else 1.0 + _ERRORS_COVERED * evidence.held_out_mape
    )
    return Estimate(
        steps=steps,
        footprint=program.footprint,
        latency_low_s=latency_s / factor,
        latency_high_s=latency_s * factor,
    )


def _price_step(program: Program, step: Step, counts: Counts) -> StepEstimate:
    profile, rule = program.profile, step.rule
    if rule is None:
        raise UnsupportedError(f"{program.graph.name}/{step.node.name}: {step.reason}")
    cycles = _compute_cycles(rule.cycles, counts, profile)
    cycles |= _memory_cycles(sum(cycles.values()), counts, profile)
    # A launch keeps the units waiting; transfers do not run beside it.
    cycles["call"] = rule.cycles.per_call * counts.calls
    terms_s = {
        term: value / profile.hardware.clock_hz for term, value in cycles.items() if value > 0
    }
    return StepEstimate(
        name=step.node.name,
        op=step.workload.kind,
        kernel=step.kernel,
        types=step.types,
        executed_as=step.executed_as,
        reason=step.reason,
        counts=counts,
        terms_s=terms_s,
        energy_terms_j=_energy(program, step, counts, sum(terms_s.values())),
    )


def _compute_cycles(cycles: Cycles, counts: Counts, profile: DeviceProfile) -> dict[str, float]:
    """Return cycles by term of what all cores share."""
    hardware = profile.hardware
    # Amdahl's serial part lies in the calls and transfers, which are priced apart.
    share = 1.0 / (1.0 + (hardware.cores - 1) * hardware.core_efficiency)
    work = {
        "mac": cycles.per_mac * counts.macs_executed,
        "tile_padding": cycles.per_mac * counts.macs_padding,
        "imbalance": cycles.per_mac * counts.macs_idle,
        "index": cycles.per_nonzero * counts.nonzeros,
        "decode": cycles.per_decode * counts.decodes,
        "im2col": cycles.per_tap * counts.taps,
        "input": cycles.per_input * counts.inputs,
        "output": cycles.per_output * counts.outputs,
    }
    return {term: value * share for term, value in work.items()}


def _memory_cycles(
    compute_cycles: float, counts: Counts, profile: DeviceProfile
) -> dict[str, float]:
    """Return cycles by memory: all of them, or what compute does not hide.

    Where transfers overlap with compute, max(compute, slowest memory) is written as compute plus
    the slowest memory's excess, so that terms still add up.
    """
    transfers = {
        f"traffic:{name}": moved / memory.bytes_per_cycle
        for name, moved in counts.traffic_bytes.items()
        if (memory := profile.hardware.memories[name]).bytes_per_cycle is not None
    }
    if not profile.runtime.overlaps_memory or not transfers:
        return transfers
    slowest = max(transfers, key=lambda name: transfers[name])
    return {slowest: max(0.0, transfers[slowest] - compute_cycles)}


def _energy(program: Program, step: Step, counts: Counts, latency_s: float) -> dict[str, float]:
    """Return joules by term: MACs executed and padded, bytes, cycles, power over time."""
    hardware = program.profile.hardware
    terms = {
        f"traffic:{name}": hardware.memories[name].pj_per_byte * moved * _PJ
        for name, moved in counts.traffic_bytes.items()
    }
    if counts.macs_executed:
        if step.types not in hardware.mac_pj:
            raise UnsupportedError(
                f"{program.graph.name}/{step.node.name}: {program.profile.name} gives no energy "
                f"of a {step.types} MAC (gives: {', '.join(hardware.mac_pj)}); "
                f"add hardware.mac_pj.{step.types}"
            )
        # Idle lanes hold their operands still: they cost time and static power only.
        terms["mac"] = (
            hardware.mac_pj[step.types] * (counts.macs_executed + counts.macs_padding) * _PJ
        )
    terms["cycles"] = hardware.cycle_pj * latency_s * hardware.clock_hz * _PJ
    terms["static"] = hardware.static_w * latency_s
    return {term: joules for term, joules in terms.items() if joules > 0}
