"""Iterative rounding and clipping, and incremental quantization: trained integer weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from compressors._compressor import Compressor, DataNeed
from compressors.quantization.forms import require_reals
from compressors.quantization.plan import WeightPlan
from compressors.quantization.schemes import Granularity, SchemeSettings

if TYPE_CHECKING:
    from compressors.workbench import Workbench
    from hwsim.graph import Graph


class IterativeClip(Compressor):
    """Bring weights to few levels in rounds of training; activations stay reals.

    Two schedules. `clip` is what introductory articles call ICLR, iterative rounding and clipping:
    no paper of that name is known, and it is no dynamic quantization. Every round sets the scales
    to the least squared error (as Sakr et al., arXiv 2206.06501, call the best clip), clips and
    rounds the weights, and trains them through the rounding (straight-through). `inq`, published at
    the conference ICLR in 2017, is incremental network quantization (Zhou et al., arXiv
    1702.03044): of each layer the largest half of the weights become zero or powers of two and are
    frozen, the others are trained to make up for them, then half of what is left, and so on, all in
    the last round. The largest power is 2^floor(log2(4 / 3 max |w|)).

    Convolutions and linear layers get integer weights that they decode; `quantize` after this step
    keeps the codes and adds integer activations. Weights that are zero stay zero.

    Attributes:
        schedule: Which of the two.
        weights: Bits of a weight, 2..8; of an index of zero and powers of two, 2..5, where INQ's
            5 bits hold 17 levels, and 4 bits here 15.
        granularity: One scale per output channel, or per tensor, as INQ has it.
        rounds: Of clipping; or parts in which weights are frozen.
        epochs: Passes over the data, each round; after the last part of `inq` none are left.
        learning_rate: Of the first step of each round; it falls to 0 along a cosine.
        batch_size: Samples per step.
        seed: Of the order of samples.
        optimizer: `sgd`, with momentum 0.9, or `adam`.
        weight_decay: Of weights, not of biases and norms.
    """

    name: ClassVar[str] = "iterative_clip"
    data_need: ClassVar[DataNeed] = "labelled"
    schedule: Literal["clip", "inq"] = "clip"
    weights: int = Field(default=4, ge=2, le=8)
    granularity: Granularity = "channel"
    rounds: int = Field(default=4, ge=1)
    epochs: int = Field(default=2, ge=1)
    learning_rate: float = Field(default=0.01, gt=0)
    batch_size: int = Field(default=64, ge=1)
    seed: int = Field(default=0, ge=0)
    optimizer: Literal["sgd", "adam"] = "sgd"
    weight_decay: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._settings.check()
        return self

    @property
    def _settings(self) -> SchemeSettings:
        return SchemeSettings(
            name="uniform" if self.schedule == "clip" else "power_of_two",
            bits=self.weights,
            granularity=self.granularity,
        )

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        require_reals(graph)
        data = bench.labelled(graph, "iterative_clip")
        # Torch takes more than a second to import; only those who train wait for it.
        from compressors.training import Course
        from compressors.training.clipping import clipped_and_rounded, frozen_in_parts

        train = clipped_and_rounded if self.schedule == "clip" else frozen_in_parts
        course = Course(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            seed=self.seed,
            optimizer=self.optimizer,
            weight_decay=self.weight_decay,
        )
        plan = WeightPlan(settings=self._settings)
        return train(graph, data, plan, course, self.rounds, bench.watcher)
