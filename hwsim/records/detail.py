"""Detail: what a page shows of one result beyond its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hwsim.records.bill import Bill


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """A buffer of the arena and when it is needed.

    Attributes:
        name: Of the tensor, or of the node whose scratch it is.
        size_bytes: > 0.
        offset_bytes: Where it lies.
        first: Moment in which it is first written: step i reads in 2 i and writes in 2 i + 1.
        last: Moment in which it is last read.
    """

    name: str
    size_bytes: int
    offset_bytes: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """A ceiling of a device.

    Attributes:
        name: Of the kernel and its types, or of the memory.
        per_s: MACs or bytes per second at best.
    """

    name: str
    per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What one number of the profile does to the latency: one bar of a tornado.

    Attributes:
        key: Dotted.
        value: As the profile has it.
        source: Where the number comes from.
        low_s: Latency where the number is smaller by the share that the whole tornado uses.
        high_s: Latency where it is larger by that share.
    """

    key: str
    value: float
    source: str
    low_s: float
    high_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where the figures of a result come from.

    Attributes:
        description: The profile's line for people.
        sources: By dotted key or a prefix of it.
        evidence: Networks and errors in words; None while uncalibrated.
        held_out_mape: Mean absolute error of held-out predictions, a share; None without evidence.
        held_out_p90: Nine of ten held-out predictions are off by less; None without evidence.
    """

    description: str
    sources: Mapping[str, str]
    evidence: str | None = None
    held_out_mape: float | None = None
    held_out_p90: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What a page shows of one result beyond its figures.

    Attributes:
        bill: To price it again.
        widths: Bills under other SIMD widths, by the factor on the profile's (1 among them).
        buffers: The arena.
        own_ram_bytes: RAM that the runtime takes beside the arena.
        macs_roofs: Ceilings of the kernels that run something, highest first.
        bytes_roofs: Ceilings of the memories whose transfers take time, nearest first.
        spreads: Sensitivity of the latency to each number, the widest first.
        provenance: Where the numbers come from.
        laid: `key=value` texts that make this profile of the one of its name, without factors such
            as `scale.clock`; None where there are none that do.
    """

    bill: Bill
    widths: Mapping[float, Bill] = field(default_factory=dict[float, Bill])
    buffers: tuple[Alive, ...] = ()
    own_ram_bytes: int = 0
    macs_roofs: tuple[Roof, ...] = ()
    bytes_roofs: tuple[Roof, ...] = ()
    spreads: tuple[Spread, ...] = ()
    provenance: Provenance
    laid: tuple[str, ...] | None = None


SPREAD_SHARE = 0.1
"""By how much a tornado makes each number smaller and larger."""
