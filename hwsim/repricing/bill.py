"""Bill: write down what a counted program is charged for, and by which numbers of its profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.cost.backing import fitted_prices
from hwsim.cost.needed import mac_pj_of, overlaps, rule_of
from hwsim.cost.terms import TERMS
from hwsim.records import Bill, Charge, StepBill, Transfer
from hwsim.repricing.demands import follows_of, positive_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.profile import DeviceProfile, Hardware, KernelRule, Memory
    from hwsim.profile.quantities import Price
    from hwsim.program import Program, Step
    from hwsim.records import Counts, Sharing

CLOCK, CORES = "hardware.clock_hz", "hardware.cores"
EFFICIENCY = "hardware.core_efficiency"
MEMORY_EFFICIENCY = "hardware.memory_core_efficiency"
STATIC, CYCLE = "hardware.static_w", "hardware.cycle_pj"
PER_CYCLE = ".bytes_per_cycle"
"""How keys of bandwidths end: bytes are divided by them."""

# Of the chip as a whole: none of them is a count's price.
_CHIP = (CLOCK, CORES, EFFICIENCY, MEMORY_EFFICIENCY, STATIC, CYCLE)


def bill_of(program: Program, counts: Sequence[Counts]) -> Bill:
    """Return what one inference is charged for: all that is needed to price it again.

    Counts of zero and unnamed prices of zero charge nothing and are left out.

    Args:
        program: What runs, and where.
        counts: One record per step, as `count` returns them.

    Raises:
        UnsupportedError: A step cannot run there, or its MACs have no energy.
    """
    profile = program.profile
    runtime, book = profile.runtime, _Book(profile=profile, prices=_chip(profile.hardware))
    steps = tuple(
        _step(program, step, done, book) for step, done in zip(program.steps, counts, strict=True)
    )
    scale = None
    if runtime.versions:
        scale = book.noted(f"runtime.versions.{runtime.version}.scale", runtime.current.scale)
    evidence = profile.evidence if profile.is_calibrated else None
    return Bill(
        scale=scale,
        steps=steps,
        launch=book.priced("runtime.per_launch", runtime.per_launch),
        inference=book.priced("runtime.per_inference", runtime.per_inference),
        fitted=tuple(
            sorted(_constant(name) for name in (fitted_prices(profile) if evidence else ()))
        ),
        held_out_p90=None if evidence is None else evidence.held_out_p90,
        follows=follows_of(profile),
        positive=positive_of(profile, book.prices),
        scales_cores="core_efficiency" in profile.hardware.model_fields_set,
        prices=book.prices,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Book:
    """The numbers of a profile that were asked for so far.

    Attributes:
        profile: Whose.
        prices: By dotted key; grows.
    """

    profile: DeviceProfile
    prices: dict[str, float]

    def noted(self, key: str, value: float) -> str:
        """Remember a number; return its key."""
        self.prices[key] = float(value)
        return key

    def priced(self, key: str, price: Price) -> str | None:
        """Remember a price, under its constant's key where it has a name; None where it is 0."""
        if isinstance(price, str):
            return self.noted(_constant(price), self.profile.runtime.constants[price])
        return self.noted(key, price) if price else None

    def transfer(self, name: str, moved: int) -> Transfer:
        """Return bytes through the memory of that name, with the keys of their prices."""
        memory, key = self.profile.hardware.memories[name], f"hardware.memories.{name}"
        return Transfer(
            memory=name,
            moved_bytes=moved,
            price=self._time(key, memory),
            energy=self.noted(f"{key}.pj_per_byte", memory.pj_per_byte),
        )

    def _time(self, key: str, memory: Memory) -> str | None:
        if memory.bytes_per_cycle is not None:
            return self.noted(f"{key}{PER_CYCLE}", memory.bytes_per_cycle)
        if isinstance(memory.cycles_per_byte, str):
            return self.priced(key, memory.cycles_per_byte)
        if memory.cycles_per_byte is None:
            return None
        return self.noted(f"{key}.cycles_per_byte", memory.cycles_per_byte)


def _constant(name: str) -> str:
    return f"runtime.constants.{name}"


def _chip(hardware: Hardware) -> dict[str, float]:
    """Return the numbers of the chip as a whole, as far as the profile has them."""
    found = {key: getattr(hardware, key.removeprefix("hardware.")) for key in _CHIP}
    return {key: float(value) for key, value in found.items() if value is not None}


def _step(program: Program, step: Step, counts: Counts, book: _Book) -> StepBill:
    rule, energy = rule_of(program, step), None
    multiplied = counts.macs_executed + counts.macs_padding
    if multiplied:
        energy = book.noted(f"hardware.mac_pj.{step.types}", mac_pj_of(program, step))
    return StepBill(
        name=step.node.name,
        op=step.workload.kind,
        charges=_charges(step, rule, counts, book),
        gathers={
            book.noted(f"hardware.memories.{name}.latency_cycles", _latency(program, name)): lines
            for name, lines in counts.gather_misses.items()
        },
        transfers=tuple(
            book.transfer(name, moved) for name, moved in counts.traffic_bytes.items() if moved
        ),
        is_pipelined=rule.pipelined,
        overlaps=overlaps(program, rule),
        is_launched=step.workload.output_elements > 0,
        macs_multiplied=multiplied,
        mac_energy=energy,
    )


def _latency(program: Program, name: str) -> float:
    latency = program.profile.hardware.memories[name].latency_cycles
    assert latency is not None  # No profile loads that gathers from a memory without.
    return latency


def _charges(step: Step, rule: KernelRule, counts: Counts, book: _Book) -> tuple[Charge, ...]:
    runtime, own = book.profile.runtime, f"runtime.kernels.{step.kernel}.cycles"
    forks = counts.calls if counts.outputs else 0
    found: list[tuple[str, int, str, Price, Sharing]] = [
        *(
            (
                term.name,
                getattr(counts, term.counted),
                f"{own}.{term.price}",
                getattr(rule.cycles, term.price),
                term.sharing,
            )
            for term in TERMS
        ),
        ("call", counts.calls, f"{own}.per_call", rule.cycles.per_call, "alone"),
        ("layout", counts.relayouts, "runtime.per_relayout", runtime.per_relayout, "alone"),
        ("fork", forks, "runtime.per_fork", runtime.per_fork, "alone"),
    ]
    return tuple(
        Charge(term=term, count=counted, price=noted, sharing=sharing)
        for term, counted, key, price, sharing in found
        if counted and (noted := book.priced(key, price)) is not None
    )
