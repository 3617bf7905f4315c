"""What a profile says about the chip."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hwsim.profile.quantities import Capacity, Extent, NonNegative, Positive, Price, Text
from hwsim.profile.section import Section


class Memory(Section):
    """One level of the memory hierarchy.

    Attributes:
        size_bytes: Capacity.
        bytes_per_cycle: Bandwidth in bytes per cycle of the core clock; absent where the time of
            its accesses is part of the kernels' measured cycles.
        cycles_per_byte: The same the other way round, where the bandwidth is a fitted constant.
        pj_per_byte: Energy of one byte read or written.
        access_bytes: Bytes that one access moves: those of all channels of one position are rounded
            up to it.
        holds: What lives here at rest. A level that holds nothing is a cache or a scratchpad.
        retains_activations: Whether a cache still has what the last op wrote: activations of an op
            that fit here together are not moved through the levels beyond.
        line_bytes: Bytes of a cache line, a power of two; with `ways`, a level that holds nothing
            is a cache whose misses can be walked.
        ways: Lines of a set.
        latency_cycles: Cycles of the core clock that a kernel waits for a line fetched from here.
    """

    size_bytes: Capacity
    bytes_per_cycle: Positive | None = None
    cycles_per_byte: Price | None = None
    pj_per_byte: NonNegative
    access_bytes: Extent = 1
    holds: Annotated[tuple[Literal["weights", "activations"], ...], Field(strict=False)] = ()
    retains_activations: bool = False
    line_bytes: Extent | None = None
    ways: Extent | None = None
    latency_cycles: NonNegative | None = None

    @property
    def is_timed(self) -> bool:
        """Whether its transfers have a price of their own."""
        return self.bytes_per_cycle is not None or self.cycles_per_byte is not None

    @property
    def is_cache(self) -> bool:
        """Whether it is a cache whose misses can be walked."""
        return not self.holds and self.line_bytes is not None and self.ways is not None


class Hardware(Section):
    """The chip.

    Attributes:
        core: What the cores are called (`Cortex-M7`): cycles carry over between boards that have
            the same; absent where nothing is fitted.
        clock_hz: Clock of the unit that runs the kernels; all cycles are counted on it.
        cores: Cores that share the work of one inference.
        core_efficiency: Share of ideal scaling that a second and further core brings to
            multiplications, 0..1; required where there is more than one core.
        memory_core_efficiency: The same for what moves elements and weights; as `core_efficiency`
            where absent.
        memories: Nearest first.
        static_w: Power while an inference runs, whatever the clock: leakage, regulators, idle rest.
        cycle_pj: Energy of one cycle of the running core, fetch and decode included; 0 where MACs
            and bytes say it all.
        mac_pj: Energy of one executed multiply-accumulate by types (`8x8`, `f32`).
    """

    core: Text | None = None
    clock_hz: Positive
    cores: Extent = 1
    core_efficiency: Annotated[float, Field(gt=0, le=1)] = 1.0
    memory_core_efficiency: Annotated[float, Field(gt=0, le=1)] | None = None
    memories: dict[str, Memory]
    static_w: NonNegative
    cycle_pj: NonNegative = 0.0
    mac_pj: dict[str, NonNegative]

    @property
    def fetched_from(self) -> dict[str, str]:
        """The memory that each cache fetches its lines of activations from, nearest first.

        Caches hold nothing and have `line_bytes` and `ways`.
        """
        caches = [name for name, memory in self.memories.items() if memory.is_cache]
        homes = [name for name, memory in self.memories.items() if "activations" in memory.holds]
        return dict(zip(caches, [*caches[1:], *homes[:1]], strict=False))

    @property
    def compute_share(self) -> float:
        """What is left of the cycles of multiplications when all cores share them."""
        return self._share(self.core_efficiency)

    @property
    def memory_share(self) -> float:
        """What is left of the cycles of moving elements when all cores share them."""
        efficiency = self.memory_core_efficiency
        return self._share(self.core_efficiency if efficiency is None else efficiency)

    def _share(self, efficiency: float) -> float:
        # Amdahl's serial part lies in the calls and transfers, which are priced apart.
        return 1.0 / (1.0 + (self.cores - 1) * efficiency)
