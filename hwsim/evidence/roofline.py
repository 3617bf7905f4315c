"""A plain roofline, to be measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hwsim.profile import DeviceProfile
    from hwsim.program import Program
    from hwsim.records import Counts

_BUS_BYTES_PER_CYCLE = 4


def roofline_s(program: Program, counts: tuple[Counts, ...], profile: DeviceProfile) -> float:
    """Return what a plain roofline says, in seconds: max(MACs / peak, bytes / bandwidth) per layer.

    The peak is the best rate of any kernel that the program uses, the bandwidth that of the
    memories where data rest (4 bytes per cycle, a 32-bit bus, where the profile does not time
    them); Williams et al., CACM 2009.
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


def _home_cycles(name: str, profile: DeviceProfile) -> float:
    memory = profile.hardware.memories[name]
    if memory.bytes_per_cycle is not None:
        return 1.0 / memory.bytes_per_cycle
    if memory.cycles_per_byte is not None:
        return profile.runtime.cycles(memory.cycles_per_byte)
    return 1.0 / _BUS_BYTES_PER_CYCLE
