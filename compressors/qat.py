"""Quantization-aware training: the forward pass is the device's, bit by bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from compressors._compressor import Compressor, DataNeed
from compressors._settings import ActivationBits, Policy
from compressors.quantization.forms import QuantizationPlan, require_reals
from compressors.quantization.observers import Observation, ObserverName
from compressors.quantization.plan import REAL_BITS, ActivationPlan, WeightPlan
from compressors.quantization.schemes import Clip, Granularity, SchemeName, SchemeSettings
from compressors.quantization.widths import read_widths
from hwsim.numerics import find_policy

if TYPE_CHECKING:
    from compressors.workbench import Workbench
    from hwsim.graph import Graph

# Of schemes whose levels a scale stretches; signs and ternary weights have means of their own.
_STRETCHED: tuple[SchemeName, ...] = ("uniform", "power_of_two", "apot")


class Qat(Compressor):
    """Train a float graph through the integers that it becomes, and return these.

    In every pass weights, biases and activations are encoded as `quantize` does, and the integer
    kernels of `numerics` compute: what training sees is what the device will do, code by code.
    Gradients are those of the float layers on what the codes mean, where values lie in the range of
    the codes (straight-through; Jacob et al., arXiv 1712.05877, section 3). Batch norms are folded
    beforehand, their statistics with them. Weights that are zero stay zero, shared ones shared (as
    reals), and integer weights that layers decode keep their codes.

    Attributes:
        weights: Bits of a weight: as many as the scheme takes.
        activations: Bits of an activation: 2..16, or 32: weights alone become integers, and layers
            multiply the reals that they mean. 1: layers read signs times a mean, as of `quantize`.
        scheme: Of weights, as of `quantize`.
        granularity: One weight scale per output channel, or per tensor.
        clip: Whether a weight's scale is of least squared error (`mse`), or holds the largest
            weight (`max`), which is faster and, at few bits, far worse. It does not concern schemes
            that have means or zero points of their own; `lsq` starts from `mse` whatever it is.
        method: `ste`: scales follow the weights, ranges of activations the batches; `lsq`: the
            steps of both are learned (Esser et al., arXiv 1902.08153); `pact`: tops of activations
            that are never negative are learned (Choi et al., arXiv 1805.06085), weights as `ste`.
        numerics: The rounding policy of the runtime: tflite-ref, tflm, tflite-ruy, xnnpack, rndnu,
            ort, cmsis-nn or trunc.
        layer_weights: `conv1=4;fc*=2`: bits of the weights of single layers, as of `quantize`.
        first_last_bits: Bits of weights of the first and the last layer, and of the activations
            that they read and make at the graph's ends; 0: as the others.
        observer: How ranges of activations are observed, before and, by `ste`, in training.
        calibration_samples: The first so many inputs are observed beforehand.
        range_epochs: Passes in which observed ranges follow the batches; then they stay.
        clip_decay: Of learned tops, for method=pact: this times their squares joins the loss.
        epochs: Passes over the data.
        learning_rate: Of the first step; it falls to 0 along a cosine.
        batch_size: Samples per step.
        seed: Of the order of samples.
        optimizer: `sgd`, with momentum 0.9, or `adam`.
        weight_decay: Of weights, not of biases, steps and tops.
    """

    name: ClassVar[str] = "qat"
    data_need: ClassVar[DataNeed] = "labelled"
    weights: int = Field(default=8, ge=1, le=16)
    activations: ActivationBits = 8
    scheme: SchemeName = "uniform"
    granularity: Granularity = "channel"
    clip: Clip = "mse"
    method: Literal["ste", "lsq", "pact"] = "ste"
    numerics: Policy = "tflite-ref"
    layer_weights: str = ""
    first_last_bits: int = Field(default=0, ge=0, le=16)
    observer: ObserverName = "minmax"
    calibration_samples: int = Field(default=128, ge=1)
    range_epochs: int = Field(default=1, ge=0)
    clip_decay: float = Field(default=1e-4, ge=0)
    epochs: int = Field(default=8, ge=1)
    learning_rate: float = Field(default=0.003, gt=0)
    batch_size: int = Field(default=64, ge=1)
    seed: int = Field(default=0, ge=0)
    optimizer: Literal["sgd", "adam"] = "sgd"
    weight_decay: float = Field(default=0.0, ge=0)

    @field_validator("layer_weights")
    @classmethod
    def _readable_widths(cls, value: str) -> str:
        read_widths(value)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._settings.check()
        if self.method == "lsq" and self.scheme not in _STRETCHED:
            raise ValueError(
                f"method=lsq learns scales of schemes {', '.join(_STRETCHED)}, got {self.scheme}; "
                "method=ste trains it"
            )
        if self.method == "lsq" and self.activations == 1:
            raise ValueError("method=lsq learns steps; signs have none, method=ste trains them")
        if self.method == "pact" and self.activations == REAL_BITS:
            raise ValueError("method=pact needs integer activations, got activations=32")
        if self.observer == "entropy" and self.activations > 8:
            raise ValueError(
                f"observer=entropy takes activations of up to 8 bits, got {self.activations}"
            )
        return self

    @property
    def _settings(self) -> SchemeSettings:
        # Learned scales need none that follow the weights, which would be searched in every pass.
        is_searched = self.method != "lsq" and self.scheme in _STRETCHED
        return SchemeSettings(
            name=self.scheme,
            bits=self.weights,
            granularity=self.granularity,
            clip=self.clip if is_searched else "max",
        )

    @property
    def plan(self) -> QuantizationPlan:
        """Schemes, widths and observers, as of `quantize`."""
        weights = WeightPlan(
            settings=self._settings,
            widths=read_widths(self.layer_weights),
            ends=self.first_last_bits,
        )
        return QuantizationPlan(
            weights=weights,
            activations=ActivationPlan(bits=self.activations, ends=self.first_last_bits),
            observation=Observation(observer=self.observer, batch=self.batch_size),
        )

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        require_reals(graph)
        data = bench.labelled(graph, "qat")
        # Torch takes more than a second to import; only those who train wait for it.
        from compressors.training import Course
        from compressors.training.qat import IntegerTraining, train_integers

        training = IntegerTraining(
            plan=self.plan,
            method=self.method,
            policy=find_policy(self.numerics),
            calibration_samples=self.calibration_samples,
            range_batches=self.range_epochs * -(-data.count // self.batch_size),
            clip_decay=self.clip_decay,
        )
        course = Course(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            seed=self.seed,
            optimizer=self.optimizer,
            weight_decay=self.weight_decay,
        )
        return train_integers(graph, data, training, course, bench.watcher)
