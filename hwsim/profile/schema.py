"""What a device profile holds: the classes are the schema, and there is no other list of keys."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from hwsim.profile.integers import NumericsChoice
from hwsim.profile.section import Section

# No clock, rate, power or price comes near: beyond lie slips of the unit and of the keyboard.
_MOST = 1e12
_MOST_BYTES = 10**15

Positive: TypeAlias = Annotated[float, Field(ge=1e-9, le=_MOST, allow_inf_nan=False)]
NonNegative: TypeAlias = Annotated[float, Field(ge=0, le=_MOST, allow_inf_nan=False)]
Bytes: TypeAlias = Annotated[int, Field(ge=0, le=_MOST_BYTES)]
Extent: TypeAlias = Annotated[int, Field(ge=1, le=1 << 20)]
Text: TypeAlias = Annotated[str, Field(min_length=1)]
Support: TypeAlias = Literal["native", "decoded"]
"""`native`: the kernel works on it as it lies; `decoded`: it is unpacked to dense first."""


class Memory(Section):
    """One level of the memory hierarchy.

    Attributes:
        size_bytes: Capacity.
        bytes_per_cycle: Bandwidth in bytes per cycle of the core clock; absent where the time of
            its accesses is part of the kernels' measured cycles.
        pj_per_byte: Energy of one byte read or written.
        holds: What lives here at rest. A level that holds nothing is a cache or a scratchpad.
    """

    size_bytes: Annotated[int, Field(gt=0, le=_MOST_BYTES)]
    bytes_per_cycle: Positive | None = None
    pj_per_byte: NonNegative
    holds: Annotated[tuple[Literal["weights", "activations"], ...], Field(strict=False)] = ()


class Hardware(Section):
    """The chip.

    Attributes:
        clock_hz: Clock of the unit that runs the kernels; all cycles are counted on it.
        cores: Cores that share the work of one inference.
        core_efficiency: Share of ideal scaling that a second and further core brings, 0..1;
            required where there is more than one core.
        memories: Nearest first.
        static_w: Power while an inference runs, whatever the clock: leakage, regulators, idle rest.
        cycle_pj: Energy of one cycle of the running core, fetch and decode included; 0 where MACs
            and bytes say it all.
        mac_pj: Energy of one executed multiply-accumulate by types (`8x8`, `f32`).
    """

    clock_hz: Positive
    cores: Extent = 1
    core_efficiency: Annotated[float, Field(gt=0, le=1)] = 1.0
    memories: dict[str, Memory]
    static_w: NonNegative
    cycle_pj: NonNegative = 0.0
    mac_pj: dict[str, NonNegative]


class Tile(Section):
    """What one step of a kernel computes; extents are rounded up to it.

    Attributes:
        m: Output channels.
        n: Output positions.
        k: Weights of one output; in a sparse kernel, stored weights of one lane.
    """

    m: Extent = 1
    n: Extent = 1
    k: Extent = 1


class Cycles(Section):
    """Cycles per unit of work; the price of a kernel is the sum of these terms.

    Attributes:
        per_call: Once per execution: dispatch, launch, set-up.
        per_mac: Per multiply-accumulate issued, after rounding up to the tile.
        per_output: Per element written: requantization, elementwise arithmetic.
        per_input: Per activation element read: packing, pooling.
        per_tap: Per patch row gathered (im2col copies one row of a kernel window at a time).
        per_nonzero: Per stored weight walked: finding its place.
        per_decode: Per weight unpacked to dense before the kernel starts.
    """

    per_call: NonNegative = 0.0
    per_mac: NonNegative = 0.0
    per_output: NonNegative = 0.0
    per_input: NonNegative = 0.0
    per_tap: NonNegative = 0.0
    per_nonzero: NonNegative = 0.0
    per_decode: NonNegative = 0.0


class KernelRule(Section):
    """One kernel of a runtime: what it takes and what it costs.

    Attributes:
        ops: Kinds of work, of `hwsim.op.WORK_KINDS`.
        types: Activation x weight bits (`8x8`, `8x4`, `f32x8`), or `f32`; weights of decoded ones
            are widened to the activations' type first. `f32w8`: weights are decoded and reals
            multiplied; a `g` behind (`8x4g`): weights in groups, each with a scale of its own.
        formats: Storage formats of the weight; ops without one need `dense`. A format that is
            native here and not dense is walked: only stored weights are issued.
        index_bits: Widest index of a codebook that the kernel takes; absent where any will do.
        tile: Rounding of the extents.
        cycles: Price per unit of work.
        scratch_bytes_per_depth: Scratch in RAM per weight of one output (im2col columns).
    """

    ops: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    types: Annotated[dict[str, Support], Field(min_length=1)]
    formats: Annotated[dict[str, Support], Field(min_length=1)] = Field(
        default_factory=lambda: {"dense": "native"}
    )
    index_bits: Annotated[int, Field(ge=1, le=16)] | None = None
    tile: Tile = Tile()
    cycles: Cycles
    scratch_bytes_per_depth: NonNegative = 0.0


class Runtime(Section):
    """The software that runs the model.

    Attributes:
        name: As its makers call it.
        version: Of the runtime that the constants describe, or `unknown`.
        kernels: By name; the first that takes a node runs it.
        overlaps_memory: Whether transfers run beside compute, so that only the longer counts.
        code_bytes: Flash taken by the runtime itself.
        arena_bytes: RAM taken by the runtime beside the tensors.
    """

    name: Text
    version: Text
    kernels: Annotated[dict[str, KernelRule], Field(min_length=1)]
    overlaps_memory: bool = False
    code_bytes: Bytes
    arena_bytes: Bytes


class Evidence(Section):
    """How well this profile predicts measurements that it was not fitted on.

    Attributes:
        measurements: File in `device_profiles/measurements/`.
        n: Measurements compared.
        held_out_mape: Mean absolute relative error, each point left out of its own fit.
    """

    measurements: str
    n: Annotated[int, Field(ge=1)]
    held_out_mape: NonNegative


class DeviceProfile(Section):
    """One device as one runtime drives it.

    Attributes:
        name: `<device>_<runtime>`, the file's name; never inherited.
        description: One line for people; never inherited.
        device_class: `mcu`, `cpu`, `gpu`, `npu` or `accelerator`.
        hardware: The chip.
        runtime: The software.
        numerics: The integers.
        sources: For every number and the numerics policy, under its dotted key or a prefix of it,
            where it comes from: `datasheet: ...`, `measured: ...`, `fitted: ...`, `assumed: ...`.
        evidence: Held-out error; absent while uncalibrated.
    """

    name: Text
    description: Text
    device_class: Literal["mcu", "cpu", "gpu", "npu", "accelerator"]
    hardware: Hardware
    runtime: Runtime
    numerics: NumericsChoice
    sources: dict[str, str]
    evidence: Evidence | None = None

    @property
    def sha256(self) -> str:
        """Digest of everything that the profile says, overrides included."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def is_calibrated(self) -> bool:
        """Whether held-out evidence backs the figures."""
        return self.evidence is not None
