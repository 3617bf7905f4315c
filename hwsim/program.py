"""A program: a graph with every choice made for one device."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.formats import Dense

if TYPE_CHECKING:
    from hwsim.graph import Graph, Node
    from hwsim.memory import Placement
    from hwsim.numerics import Numerics
    from hwsim.op import Workload
    from hwsim.profile import DeviceProfile, KernelRule, Runtime
    from hwsim.records import ExecutedAs, Footprint
    from hwsim.tensor import Weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One node with its choice made.

    Attributes:
        node: What to run.
        workload: How much work it is.
        kernel: Name of the profile's rule; empty when unsupported.
        rule: The rule; None when unsupported.
        types: Activation x weight bits that the multipliers see, or `f32`.
        executed_as: How.
        reason: Why so, in words.
        weight: The weight as this device stores it; None where the op has none.
        decoded_bytes: The weight unpacked to dense in RAM; 0 where it is used as it lies.
        scratch_bytes: RAM beside the tensors while it runs, the unpacked weight included.
    """

    node: Node
    workload: Workload
    kernel: str
    rule: KernelRule | None
    types: str
    executed_as: ExecutedAs
    reason: str
    weight: Weight | None
    decoded_bytes: int
    scratch_bytes: int

    @property
    def stored_constants(self) -> tuple[Weight, ...]:
        """Everything that must lie in flash, the weight as this device stores it."""
        own = () if self.weight is None else (self.weight,)
        return own + tuple(c for c in self.node.op.constants if c is not self.node.op.weight)

    def flash_bytes(self, runtime: Runtime) -> int:
        """Return the bytes of the constants in flash, coded where the compiler does that."""
        coding, weight = runtime.weight_coding, self.weight
        if coding is None or weight is None or weight.quant is None:
            return sum(own.stored_bytes(runtime.real_bits) for own in self.stored_constants)
        channels = self.workload.rows * self.workload.groups
        coded = coding.entropy_factor * weight.entropy_bits / 8
        return math.ceil(coded + coding.bytes_per_channel * channels)

    @property
    def is_walked(self) -> bool:
        """Whether the kernel issues only stored weights."""
        return (
            self.executed_as == "native"
            and self.weight is not None
            and self.weight.format.name != Dense().name
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A graph with every choice made for one device.

    Attributes:
        graph: What is run, fused.
        profile: Where.
        numerics: With which integers.
        steps: In order of execution.
        arena: Where every tensor and scratch buffer lies.
        footprint: RAM and flash, needed and present.
    """

    graph: Graph
    profile: DeviceProfile
    numerics: Numerics
    steps: tuple[Step, ...]
    arena: tuple[Placement, ...]
    footprint: Footprint
