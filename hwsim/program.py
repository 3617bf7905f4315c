"""A program: a graph with every choice made for one device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.formats import Dense

if TYPE_CHECKING:
    from hwsim.graph import Graph, Node
    from hwsim.memory import Placement
    from hwsim.numerics import Numerics
    from hwsim.op import Workload
    from hwsim.profile import DeviceProfile, KernelRule
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
