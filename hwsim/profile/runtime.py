"""What a profile says about the software that runs a model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hwsim.op import HEAVY_KINDS
from hwsim.profile.kernels import KernelRule
from hwsim.profile.quantities import Bytes, NonNegative, Positive, Price, Text
from hwsim.profile.section import Section


class Version(Section):
    """One release of the runtime, or one build of it, on this device.

    Attributes:
        scale: Factor on every cycle that a kernel of this profile takes.
        removes_dead_channels: Whether its compiler removes channels that change nothing.
    """

    scale: Positive = 1.0
    removes_dead_channels: bool = False


_UNKNOWN = Version()


class WeightCoding(Section):
    """Lossless compression of weights by the compiler; the unit decodes them as it reads them.

    Attributes:
        entropy_factor: Bits of a coded weight over the Shannon entropy of the layer's codes.
        bytes_per_channel: What lies beside the weights of an output channel: bias, multiplier.
    """

    entropy_factor: Positive
    bytes_per_channel: NonNegative


class Runtime(Section):
    """The software that runs the model.

    Attributes:
        name: As its makers call it.
        version: Of the runtime that the constants describe, or `unknown`.
        versions: What differs from one version to the next; `version` must be one of them where
            there are any.
        constants: Prices by name, in cycles. Kernels refer to them, so that a few numbers can be
            fitted where many kernels share them.
        kernels: By name; the first that takes a node runs it.
        folds_constants: Whether its compiler computes what is the same for every input.
        merges_pads: Whether its compiler merges the pad of an image into the convolution behind it.
        overlaps_memory: Whether transfers run beside compute, so that only the longer counts.
        real_bits: Width at which reals are kept and computed, whatever the model says.
        per_fork: Cycles to hand a kernel to further cores and to wait for them, once per call;
            nothing on one core.
        per_relayout: Cycles per element of a tensor that is rearranged between two kernels.
        per_launch: Cycles of the host between two launches: an inference takes at least so long
            for each call.
        weight_coding: How integer weights are compressed; absent where they lie as they are.
        per_inference: Cycles of an inference beside its kernels: the call into the runtime.
        code_bytes: Flash taken by the runtime itself.
        code_bytes_per_step: Flash for each kernel execution beside that: its entry in a plan, the
            share of kernels that are linked only where a model needs them.
        arena_bytes: RAM taken by the runtime beside the tensors.
        arena_bytes_per_step: RAM for each kernel execution beside that: its descriptors.
        in_place: Kinds of work whose output may lie over an operand that is no smaller and that
            nobody reads afterwards.
    """

    name: Text
    version: Text
    versions: dict[str, Version] = Field(default_factory=dict[str, Version])
    constants: dict[str, NonNegative] = Field(default_factory=dict[str, float])
    kernels: Annotated[dict[str, KernelRule], Field(min_length=1)]
    folds_constants: bool = True
    merges_pads: bool = False
    overlaps_memory: bool = False
    real_bits: Literal[16, 32] = 32
    per_fork: Price = 0.0
    per_relayout: Price = 0.0
    per_launch: Price = 0.0
    per_inference: Price = 0.0
    weight_coding: WeightCoding | None = None
    code_bytes: Bytes
    code_bytes_per_step: Bytes = 0
    arena_bytes: Bytes
    arena_bytes_per_step: Bytes = 0
    in_place: Annotated[tuple[Text, ...], Field(strict=False)] = ()

    @property
    def current(self) -> Version:
        """What `version` does."""
        return self.versions.get(self.version, _UNKNOWN)

    @property
    def native_formats(self) -> tuple[str, ...]:
        """Storage formats of weights that some heavy kernel takes as they lie, in its order.

        `dense` is one of them wherever there is a dense kernel.
        """
        found = [
            name
            for rule in self.kernels.values()
            if set(rule.ops) & set(HEAVY_KINDS)
            for name, support in rule.formats.items()
            if support == "native"
        ]
        return tuple(dict.fromkeys(found))

    def cycles(self, price: Price) -> float:
        """Return the cycles of a price under this version, named or not."""
        return self.current.scale * (self.constants[price] if isinstance(price, str) else price)
