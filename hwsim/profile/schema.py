"""What a device profile holds: the classes are the schema, and there is no other list of keys."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from hwsim.numerics import find_rounding
from hwsim.numerics.accumulator import NARROWEST, WIDEST, Accumulator, Overflow
from hwsim.numerics.policy import (
    AddFormula,
    ElementaryFormula,
    Numerics,
    QuantizeFormula,
    SoftmaxFormula,
    find_policy,
)

ROUNDED = ("conv", "depthwise", "grouped", "linear", "matmul", "mul")
"""Keys of `NumericsChoice` that name a rounding."""

_REGISTER = ("accumulator_bits", "accumulator_overflow", "saturates_pairs")

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


class Section(BaseModel):
    """Base of all sections: strict types, no unknown keys, never changed."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


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
        tile: Rounding of the extents.
        cycles: Price per unit of work.
        scratch_bytes_per_depth: Scratch in RAM per weight of one output (im2col columns).
    """

    ops: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    types: Annotated[dict[str, Support], Field(min_length=1)]
    formats: Annotated[dict[str, Support], Field(min_length=1)] = Field(
        default_factory=lambda: {"dense": "native"}
    )
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


class NumericsChoice(Section):
    """The integer arithmetic of the runtime: a policy, and what this runtime does otherwise.

    Attributes:
        policy: One of `hwsim.numerics.POLICIES`.
        accumulator_bits: Width of the register that products of 8-bit codes are summed in.
        accumulator_overflow: What becomes of a sum that is wider; see `Accumulator.overflow`.
        saturates_pairs: See `Accumulator.saturates_pairs`.
        conv: Rounding of convolutions, depthwise and grouped ones too unless those are given; one
            of `hwsim.numerics.ROUNDINGS`, as all roundings here.
        depthwise: Rounding of depthwise convolutions.
        grouped: Rounding of other convolutions in groups.
        linear: Rounding of fully connected layers.
        matmul: Rounding of products of two activations.
        mul: Rounding of elementwise products.
        add: See `Numerics.add`, as of the next ones.
        quantize: How reals become codes.
        softmax: Which formula.
        elementary: How logistic and tanh are computed.
    """

    policy: str
    accumulator_bits: Annotated[int, Field(ge=NARROWEST, le=WIDEST)]
    accumulator_overflow: Overflow = "wrap"
    saturates_pairs: bool = False
    conv: str | None = None
    depthwise: str | None = None
    grouped: str | None = None
    linear: str | None = None
    matmul: str | None = None
    mul: str | None = None
    add: AddFormula | None = None
    quantize: QuantizeFormula | None = None
    softmax: SoftmaxFormula | None = None
    elementary: ElementaryFormula | None = None

    @property
    def accumulator(self) -> Accumulator:
        """The register."""
        return Accumulator(
            bits=self.accumulator_bits,
            overflow=self.accumulator_overflow,
            saturates_pairs=self.saturates_pairs,
        )

    def resolve(self) -> Numerics:
        """Return the arithmetic, named by the policy and what is otherwise.

        Raises:
            UnsupportedError: There is no such policy or rounding; the message lists the known ones.
        """
        policy, changed = find_policy(self.policy), self._changed()
        fields: dict[str, Any] = {
            key: find_rounding(str(value)) if key in ROUNDED else value
            for key, value in changed.items()
            if key not in _REGISTER
        }
        if "conv" in fields:
            fields = {"depthwise": None, "grouped": None, **fields}
        texts = ",".join(f"{key}={value}" for key, value in changed.items())
        name = f"{policy.name}{{{texts}}}" if texts else policy.name
        return replace(policy, name=name, accumulator=self.accumulator, **fields)

    def _changed(self) -> dict[str, object]:
        """Return what is otherwise than in the policy's own words, by key."""
        plain = NumericsChoice(policy=self.policy, accumulator_bits=Accumulator().bits)
        return {
            key: value for key, value in self.model_dump().items() if value != getattr(plain, key)
        }


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
