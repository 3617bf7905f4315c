"""A bill: what an inference counts, and by which of a profile's numbers each count is multiplied.

All that is needed to price the same program again under other numbers: no graph, no profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Sharing: TypeAlias = Literal["compute", "memory", "alone"]
"""How cores share a count: as multiplications, as moved elements, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One count of a step and the number that it is multiplied by.

    Attributes:
        term: In estimates.
        count: Units.
        price: Dotted key of the profile's number, in cycles per unit.
        sharing: How cores share it.
    """

    term: str
    count: int
    price: str
    sharing: Sharing


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Bytes that a step moves through one memory.

    Attributes:
        memory: Its name.
        moved_bytes: All of them.
        price: Dotted key of its bandwidth (`...bytes_per_cycle`) or of its price
            (`...cycles_per_byte`, or a constant of the runtime); None where it takes no time.
        energy: Dotted key of its picojoules per byte.
    """

    memory: str
    moved_bytes: int
    price: str | None
    energy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepBill:
    """What one step is charged for.

    Attributes:
        name: The node's name.
        op: Kind of work.
        charges: Cycles that the runtime's version scales; `call` and `layout` among them, and
            `fork`, which is due on more than one core.
        gathers: Lines fetched from each memory, by the dotted key of its latency in cycles.
        transfers: Bytes by memory, nearest first.
        is_pipelined: Whether only the slowest stage counts (`hwsim.records.pricing.STAGES`).
        overlaps: Whether transfers run beside compute.
        is_launched: Whether it does anything, so that launches and the start of the inference are
            spread over it.
        macs_multiplied: Multiply-accumulates that take energy.
        mac_energy: Dotted key of the picojoules of one; None where nothing multiplies.
    """

    name: str
    op: str
    charges: tuple[Charge, ...]
    gathers: Mapping[str, int] = field(default_factory=dict[str, int])
    transfers: tuple[Transfer, ...] = ()
    is_pipelined: bool = False
    overlaps: bool = False
    is_launched: bool = True
    macs_multiplied: int = 0
    mac_energy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What one inference is charged for.

    Attributes:
        prices: Every number of the profile that the price depends on, by its dotted key, as the
            profile has it: `hardware.clock_hz`, `hardware.cores`, `runtime.constants.mac`,
            `runtime.kernels.conv.cycles.per_call`, ... A price that names a constant stands under
            the constant's key.
        scale: Dotted key of the version's factor on cycles; None where there is none.
        steps: In order of execution.
        launch: Dotted key of the cycles between two launches; None where the host never makes the
            device wait. The version scales it.
        inference: Dotted key of the cycles of an inference beside its kernels; None where there are
            none. The version scales it.
        fitted: Keys that the evidence speaks of; none where it speaks of everything.
        held_out_p90: Nine of ten held-out predictions of real devices are off by less; None without
            such evidence.
        follows: Keys that follow from the geometry of an accelerator: no value of their own.
        positive: Groups of keys; one of each group is above 0, as the profile is refused otherwise.
        scales_cores: Whether the profile says how cores scale; without that, more than one need
            `hardware.core_efficiency` beside them.
    """

    prices: Mapping[str, float]
    scale: str | None
    steps: tuple[StepBill, ...]
    launch: str | None = None
    inference: str | None = None
    fitted: tuple[str, ...] = ()
    held_out_p90: float | None = None
    follows: tuple[str, ...] = ()
    positive: tuple[tuple[str, ...], ...] = ()
    scales_cores: bool = True
