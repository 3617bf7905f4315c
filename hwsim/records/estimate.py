"""What one inference does and costs, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

ExecutedAs: TypeAlias = Literal["native", "decoded", "dense_fallback", "unsupported"]
"""How a device runs a node: as it is stored, unpacked first, with its zeros, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What one step does, before any price: whole numbers only.

    Attributes:
        macs: Multiply-accumulates of the dense op.
        macs_effective: Those whose weight is not zero.
        macs_executed: Those that the kernel works on: all of a dense kernel, the stored ones of a
            kernel that walks a sparse format, fewer than all of one that uses Winograd's identity.
        macs_padding: Issued beside them because extents are rounded up to the kernel's tile.
        macs_idle: Issued beside them because lanes in lockstep wait for the fullest one, or because
            the last wave of tiles leaves units without work.
        macs_gated: Issued beside them for operands that are zero: the unit sees that and holds
            still, which saves the energy and not the slot.
        outputs: Elements written.
        inputs: Activation elements read.
        taps: Patch rows gathered.
        nonzeros: Stored weights walked, once per tile of output positions.
        checks: Weights or activations looked at to find those that are not zero.
        gathers: Activations read at an index that is looked up.
        decodes: Weights unpacked to dense.
        weight_bytes: Weights as stored, biases included.
        transforms: Elements of the tiles that Winograd's transforms read and write.
        positions: Output positions of a product; elsewhere rows of the last axis that are read, or
            written where those are more.
        relayouts: Elements rearranged because the kernel before works in another order of axes.
        calls: Kernel executions.
        traffic_bytes: Bytes moved per memory.
        gather_misses: Gathers per memory that its caches did not have: lines fetched from it.
    """

    macs: int = 0
    macs_effective: int = 0
    macs_executed: int = 0
    macs_padding: int = 0
    macs_idle: int = 0
    macs_gated: int = 0
    outputs: int = 0
    inputs: int = 0
    taps: int = 0
    nonzeros: int = 0
    checks: int = 0
    gathers: int = 0
    decodes: int = 0
    weight_bytes: int = 0
    transforms: int = 0
    positions: int = 0
    relayouts: int = 0
    calls: int = 0
    traffic_bytes: Mapping[str, int] = field(default_factory=dict[str, int])
    gather_misses: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def macs_issued(self) -> int:
        """Lane slots that the kernel spends."""
        return self.macs_executed + self.macs_padding + self.macs_idle + self.macs_gated


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEstimate:
    """The price of one step.

    Attributes:
        name: The node's name.
        op: Kind of work (`conv2d`, `depthwise_conv2d`, ...).
        kernel: The profile's kernel that runs it.
        types: What the multipliers see: activation x weight bits (`8x8`), or `f32`.
        executed_as: How.
        reason: Why so, in words.
        format: How the device stores the weight; `dense` where there is none.
        layout: Order of axes that the kernel works in; None where any will do.
        channels: Input and output channels of all groups together; zeros where nothing multiplies.
        channel_tile: What the kernel rounds them up to.
        counts: What it does.
        terms_s: Seconds by named term; their sum is the latency.
        energy_terms_j: Joules by named term.
    """

    name: str
    op: str
    kernel: str
    types: str
    executed_as: ExecutedAs
    reason: str
    format: str = "dense"
    layout: str | None = None
    channels: tuple[int, int] = (0, 0)
    channel_tile: tuple[int, int] = (1, 1)
    counts: Counts
    terms_s: Mapping[str, float]
    energy_terms_j: Mapping[str, float]

    @property
    def latency_s(self) -> float:
        """Seconds."""
        return sum(self.terms_s.values())

    @property
    def energy_j(self) -> float:
        """Joules."""
        return sum(self.energy_terms_j.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Memory that a program needs, and that the device has.

    Attributes:
        peak_ram_bytes: Arena at its fullest, scratch and the runtime's own included.
        flash_bytes: Weights as stored on the device, and the runtime's code.
        ram_capacity_bytes: Of the memories that hold activations.
        flash_capacity_bytes: Of the memories that hold weights.
        is_shared: Whether weights and activations live in the same memory.
    """

    peak_ram_bytes: int
    flash_bytes: int
    ram_capacity_bytes: int
    flash_capacity_bytes: int
    is_shared: bool = False

    @property
    def fits(self) -> bool:
        """Whether the device has enough of each."""
        if self.is_shared:
            return self.peak_ram_bytes + self.flash_bytes <= self.ram_capacity_bytes
        return (
            self.peak_ram_bytes <= self.ram_capacity_bytes
            and self.flash_bytes <= self.flash_capacity_bytes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The price of one inference.

    Attributes:
        steps: In order of execution; times and energies add.
        footprint: Memory; peaks do not add.
        latency_low_s: Lower end of the interval that the profile's evidence gives.
        latency_high_s: Upper end.
        is_backed: Whether the evidence speaks of the kernels that take most of the time.
    """

    steps: tuple[StepEstimate, ...] = field(repr=False)
    footprint: Footprint
    latency_low_s: float
    latency_high_s: float
    is_backed: bool = False

    @property
    def latency_s(self) -> float:
        """Seconds; the sum of the steps'."""
        return sum(step.latency_s for step in self.steps)

    @property
    def energy_j(self) -> float:
        """Joules; the sum of the steps'."""
        return sum(step.energy_j for step in self.steps)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the dense ops."""
        return sum(step.counts.macs for step in self.steps)

    @property
    def macs_effective(self) -> int:
        """Multiply-accumulates whose weight is not zero."""
        return sum(step.counts.macs_effective for step in self.steps)

    def terms_s(self) -> dict[str, float]:
        """Return the seconds of every term, over all steps."""
        total: dict[str, float] = {}
        for step in self.steps:
            for term, seconds in step.terms_s.items():
                total[term] = total.get(term, 0.0) + seconds
        return total
