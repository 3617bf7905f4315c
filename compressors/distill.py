"""Knowledge distillation: a student learns what a teacher says, shows, or looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from compressors._compressor import Compressor, DataNeed
from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from compressors.workbench import Workbench
    from hwsim.graph import Graph

Method: TypeAlias = Literal[
    "soft_label", "feature_map", "attention_map", "self", "adversarial", "data_free"
]
# Methods that compare tensors inside both networks, not only what comes out.
_COMPARES_FEATURES = ("feature_map", "attention_map")


class Distill(Compressor):
    """Train the graph at hand on what a teacher makes of the same inputs; zeros stay zero.

    The teacher is the model that the recipe began with, or another one that is given beside it
    (--teacher; `Workbench.teacher`): any graph, of floats or integers, that tells as many classes
    apart. The student is trained on
    (1 - alpha) CE(y, s) + alpha T^2 KL(softmax(t / T) || softmax(s / T)), the mean over a batch
    (Hinton et al., arXiv 1503.02531, section 2), with labels y, the teacher's logits t and its
    own logits s; methods add to that:

    - `soft_label`: nothing.
    - `feature_map`: weight * mean (r(F_s) - F_t)^2 over pairs of tensors F, r a trained linear
      map over channels, thrown away afterwards (FitNets, arXiv 1412.6550, equation 3).
    - `attention_map`: weight / 2 * the mean over samples and pairs of
      norm2(Q_s / norm2(Q_s) - Q_t / norm2(Q_t)), Q = sum over channels of F^2 (arXiv
      1612.03928, equation 2).
    - `self`: nothing; but the teacher is the graph at hand and the student the same network with
      fresh weights, `generations` times (born-again networks, arXiv 1805.04770).
    - `adversarial`: a discriminator that tells the teacher's logits from the student's, and that
      the student learns to deceive, its gradient reversed (arXiv 1709.00513; reversal: arXiv
      1505.07818).
    - `data_free`: no data at all. Inputs are made from noise until the teacher is sure of classes
      drawn evenly and, where it has batch norms, their inputs have the statistics that it keeps
      (DeepInversion, arXiv 1912.08795, equations 2 to 4); the student learns the teacher's soft
      labels on them.

    Attributes:
        method: Which of these.
        temperature: T, > 0.
        alpha: Share of the soft labels, 0..1; without labels (data_free) it is 1.
        weight: Of what the method adds; 0 leaves only soft labels.
        features: Pairs of tensors `teacher=student`, separated by `;`. Empty: the last tensor of
            each image size that both have, or else what their last layers read.
        generations: For method=self.
        samples: Inputs to make, for method=data_free.
        synthesis_steps: Steps of Adam that make a batch of them.
        epochs: Passes over the data.
        learning_rate: Of the first step; it falls to 0 along a cosine.
        batch_size: Samples per step.
        seed: Of everything that is drawn.
    """

    name: ClassVar[str] = "distill"
    data_need: ClassVar[DataNeed] = "labelled"
    method: Method = "soft_label"
    temperature: float = Field(default=4.0, ge=0.01, le=1000)
    alpha: float = Field(default=0.9, ge=0, le=1)
    weight: float = Field(default=1.0, ge=0)
    features: str = ""
    generations: int = Field(default=1, ge=1)
    samples: int = Field(default=512, ge=1)
    synthesis_steps: int = Field(default=200, ge=1)
    epochs: int = Field(default=10, ge=1)
    learning_rate: float = Field(default=0.01, gt=0)
    batch_size: int = Field(default=64, ge=1)
    seed: int = Field(default=0, ge=0)

    @property
    def needs(self) -> DataNeed:
        """See `Compressor.needs`."""
        if self.method == "data_free":
            return "none"
        return "calibration" if self.alpha == 1.0 else "labelled"

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """`features` as names of (teacher's, student's) tensors."""
        named = (pair.partition("=") for pair in self.features.split(";") if pair.strip())
        return tuple((teacher.strip(), student.strip()) for teacher, _, student in named)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.features and self.method not in _COMPARES_FEATURES:
            raise ValueError(
                f"method={self.method} got features; {' and '.join(_COMPARES_FEATURES)} take them"
            )
        if any(not teacher or not student for teacher, student in self.pairs):
            raise ValueError(f"expected features teacher=student;..., got {self.features!r}")
        return self

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        if any(type_.quant is not None for type_ in graph.tensors.values()):
            raise RecipeError(
                f"{graph.name}: distill expected a float student, got integers; distill before "
                "quantize"
            )
        teacher = bench.teacher or bench.original or graph
        # Torch takes more than a second to import; only those who train wait for it.
        from compressors.training.distillation import born_again, distilled, impressions_of

        if self.method == "data_free":
            data = impressions_of(
                teacher,
                samples=self.samples,
                steps=self.synthesis_steps,
                seed=self.seed,
                watcher=bench.watcher,
            )
        elif self.alpha == 1.0:
            data = bench.inputs(graph, "distill")
        else:
            data = bench.labelled(graph, "distill")
        if self.method == "self":
            return born_again(graph, data, self, bench.watcher)
        return distilled(graph, teacher, data, self, bench.watcher)
