"""Price: multiply counts by what the device asks for each; every figure is a sum of named terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.cost.backing import is_backed
from hwsim.cost.needed import mac_pj_of, overlaps, rule_of
from hwsim.cost.terms import STAGES, TERMS
from hwsim.formats import Dense
from hwsim.records import Counts, Estimate, StepEstimate
from hwsim.records.pricing import UNCALIBRATED_FACTOR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.profile import DeviceProfile, Hardware, Memory, Runtime
    from hwsim.program import Program, Step

_PJ = 1e-12


def price(program: Program, counts: Sequence[Counts]) -> Estimate:
    """Return the estimate of one inference.

    Args:
        program: What runs, and where.
        counts: One record per step, as `count` returns them.

    Raises:
        UnsupportedError: A step cannot run there, or its MACs have no energy.
    """
    cycles = [
        _step_cycles(program, step, done) for step, done in zip(program.steps, counts, strict=True)
    ]
    _wait_for_launches(program, cycles)
    _start_inference(program, cycles)
    steps = tuple(
        _price_step(program, step, done, terms)
        for step, done, terms in zip(program.steps, counts, cycles, strict=True)
    )
    latency_s = sum(step.latency_s for step in steps)
    backed = is_backed(program, steps)
    evidence = program.profile.evidence
    factor = UNCALIBRATED_FACTOR
    if evidence is not None and backed:
        # Nine of ten held-out predictions are off by less.
        factor = 1.0 + evidence.held_out_p90
    return Estimate(
        steps=steps,
        footprint=program.footprint,
        is_backed=backed,
        latency_low_s=latency_s / factor,
        latency_high_s=latency_s * factor,
    )


def _step_cycles(program: Program, step: Step, counts: Counts) -> dict[str, float]:
    """Return the cycles of one step by term."""
    profile, rule = program.profile, rule_of(program, step)
    runtime, hardware = profile.runtime, profile.hardware
    cycles = {
        term.name: runtime.cycles(getattr(rule.cycles, term.price)) * units
        for term in TERMS
        if (units := term.units(counts, hardware))
    }
    call = runtime.cycles(rule.cycles.per_call) * counts.calls
    if rule.pipelined:
        cycles = {**_slowest_stage(cycles), "call": call}
    cycles |= _gather_cycles(counts, hardware)
    is_hidden = overlaps(program, rule)
    cycles |= _memory_cycles(sum(cycles.values()), counts, profile, is_hidden=is_hidden)
    # Elsewhere a launch keeps the units waiting; transfers do not run beside it.
    cycles["call"] = call
    cycles["layout"] = runtime.cycles(runtime.per_relayout) * counts.relayouts
    if hardware.cores > 1 and counts.outputs:
        cycles["fork"] = runtime.cycles(runtime.per_fork) * counts.calls
    return cycles


def _gather_cycles(counts: Counts, hardware: Hardware) -> dict[str, float]:
    """Return the cycles that gathers wait for lines, by the memory that these come from.

    Cores share them as they share elements.
    """
    cycles: dict[str, float] = {}
    for name, misses in counts.gather_misses.items():
        latency = hardware.memories[name].latency_cycles
        assert latency is not None  # No profile loads that gathers from a memory without.
        cycles[f"gather:{name}"] = misses * latency * hardware.memory_share
    return cycles


def _slowest_stage(cycles: Mapping[str, float]) -> dict[str, float]:
    """Return the terms of a pipelined kernel: what each stage adds to the slowest before it.

    So the terms of the stages add up to the time of the slowest.
    """
    kept, slowest = dict(cycles), 0.0
    for stage in STAGES:
        needed = sum(cycles.get(term, 0.0) for term in stage)
        share = max(0.0, needed - slowest) / needed if needed else 0.0
        kept |= {term: cycles[term] * share for term in stage if term in cycles}
        slowest = max(slowest, needed)
    return kept


def _wait_for_launches(program: Program, cycles: list[dict[str, float]]) -> None:
    """Let every launch wait for the host where the device is done before the next one comes.

    An inference takes the longer of all kernels and of all launches; the difference is spread over
    the launches, so that the terms of steps still add up.
    """
    runtime = program.profile.runtime
    interval = runtime.cycles(runtime.per_launch)
    launched = [
        terms
        for step, terms in zip(program.steps, cycles, strict=True)
        if step.workload.output_elements
    ]
    if not interval or not launched:
        return
    needed = sum(sum(terms.values()) for terms in cycles)
    waiting = max(0.0, interval * len(launched) - needed) / len(launched)
    for terms in launched:
        terms["launch"] = waiting


def _start_inference(program: Program, cycles: list[dict[str, float]]) -> None:
    """Spread what an inference costs beside its kernels over the steps that do something."""
    runtime = program.profile.runtime
    started = [
        terms
        for step, terms in zip(program.steps, cycles, strict=True)
        if step.workload.output_elements
    ]
    for terms in started:
        terms["inference"] = runtime.cycles(runtime.per_inference) / len(started)


def _price_step(
    program: Program, step: Step, counts: Counts, cycles: dict[str, float]
) -> StepEstimate:
    clock_hz = program.profile.hardware.clock_hz
    terms_s = {term: value / clock_hz for term, value in cycles.items() if value > 0}
    return StepEstimate(
        name=step.node.name,
        op=step.workload.kind,
        kernel=step.kernel,
        types=step.types,
        executed_as=step.executed_as,
        reason=step.reason,
        format=Dense().name if step.weight is None else step.weight.format.name,
        layout=None if step.rule is None else step.rule.layout,
        channels=_channels(step),
        channel_tile=(1, 1) if step.rule is None else step.rule.channel_tile,
        counts=counts,
        terms_s=terms_s,
        energy_terms_j=_energy(program, step, counts, sum(terms_s.values())),
    )


def _channels(step: Step) -> tuple[int, int]:
    """Return input and output channels of all groups together."""
    work = step.workload
    return (work.channels_in * work.groups, work.rows * work.groups) if work.macs else (0, 0)


def _memory_cycles(
    compute_cycles: float, counts: Counts, profile: DeviceProfile, *, is_hidden: bool
) -> dict[str, float]:
    """Return cycles by memory: all of them, or what compute does not hide.

    Where transfers overlap with compute, max(compute, slowest memory) is written as compute plus
    the slowest memory's excess, so that terms still add up.
    """
    transfers = {
        f"traffic:{name}": moved * cycles_per_byte(profile.hardware.memories[name], profile.runtime)
        for name, moved in counts.traffic_bytes.items()
        if profile.hardware.memories[name].is_timed
    }
    if not is_hidden or not transfers:
        return transfers
    slowest = max(transfers, key=lambda name: transfers[name])
    return {slowest: max(0.0, transfers[slowest] - compute_cycles)}


def cycles_per_byte(memory: Memory, runtime: Runtime) -> float:
    """Return the price of a byte through a memory whose transfers are timed."""
    if memory.bytes_per_cycle is not None:
        return 1.0 / memory.bytes_per_cycle
    assert memory.cycles_per_byte is not None  # Only what is timed comes here.
    price = memory.cycles_per_byte
    # A memory is as fast under every version of the software.
    return runtime.constants[price] if isinstance(price, str) else price


def _energy(program: Program, step: Step, counts: Counts, latency_s: float) -> dict[str, float]:
    """Return joules by term: MACs executed and padded, bytes, cycles, power over time."""
    hardware = program.profile.hardware
    terms = {
        f"traffic:{name}": hardware.memories[name].pj_per_byte * moved * _PJ
        for name, moved in counts.traffic_bytes.items()
    }
    multiplied = counts.macs_executed + counts.macs_padding
    if multiplied:
        # Idle and gated lanes hold their operands still: they cost time and static power only.
        terms["mac"] = mac_pj_of(program, step) * multiplied * _PJ
    terms["cycles"] = hardware.cycle_pj * latency_s * hardware.clock_hz * _PJ
    terms["static"] = hardware.static_w * latency_s
    return {term: joules for term, joules in terms.items() if joules > 0}
