"""Post-training quantization to integers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, ValidationInfo, field_validator, model_validator

from compressors._compressor import Compressor, DataNeed
from compressors._settings import ActivationBits
from compressors.quantization.forms import (
    QuantizationPlan,
    between_reals,
    integers,
    require_reals,
)
from compressors.quantization.groups import require_groups, require_half
from compressors.quantization.observers import Observation, ObserverName
from compressors.quantization.plan import REAL_BITS, ActivationPlan, WeightPlan
from compressors.quantization.rounding import RoundingName, find_rounding
from compressors.quantization.schemes import Clip, Granularity, SchemeName, SchemeSettings
from compressors.quantization.widths import read_widths
from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from compressors.workbench import Workbench
    from hwsim.arrays import Array
    from hwsim.data import Data
    from hwsim.graph import Graph

# Histograms and loops of levels stay small.
_MOST_ENTROPY_BITS = 8
# Nobody waits for many large images whose accuracy means nothing: four of 224 x 224 x 3.
_FEWEST_SYNTHETIC, _SYNTHETIC_ELEMENTS = 4, 1 << 19


class Quantize(Compressor):
    """Make weights, and activations, integers: post-training quantization.

    Batch norms are folded, activations fused, ranges observed on calibration inputs; encodings
    follow TFLite's specification (Jacob et al., arXiv 1712.05877; Nagel et al., arXiv
    2106.08295). Weights that are zero stay exactly zero, in the storage format that they have.
    Weights that a step before has made integers (gptq, adaround, quantize{activations=32}) keep
    their codes, scales and format. Scales are at least 2^-100: activations below 1e-31 become zero.
    Activations of more than 8 bits have zero point 0 and biases of 64 bits, and so do biases beside
    wider weights (TensorFlow Lite's 16x8 scheme); no runtime has layers of weights beyond 8 bits,
    which are computed as that scheme rounds.

    Settings are of weights (weights .. rounding), of activations (activations ..
    power_of_two_scales), of layers of their own (layer_weights .. exclude), and of calibration.

    Attributes:
        weights: Bits of a weight: as many as the scheme takes.
        scheme: `uniform`: equal steps about zero, 2..16 bits; `asymmetric`: equal steps with a zero
            point, 2..8; `binary`: signs times a mean, 1; `ternary`: -1, 0 and 1 times a mean, 2;
            `power_of_two`: zero and powers of two, 2..5; `apot`: sums of powers of two, 3..8.
        granularity: One weight scale per output channel, or per tensor.
        group: Weights of a row that share a scale instead; 0: none do. Convolutions of integer
            activations keep one scale per channel, since no runtime gives them more.
        scale_bits: Width in which a group's scale is stored, 16 or 32.
        clip: Whether a scale holds the largest weight (`max`), or is of least squared error.
        rounding: Of weights, to steps: `nearest_even`; `half_up`, also called `max_plus_one`;
            `half_away`; `floor` and `truncate`, which are biased by half a step; `stochastic`.
        activations: Bits of an activation: 2..16, or 32 for float32: weights alone become integers,
            those of convolutions and linear layers, which multiply the reals that they mean;
            transposed convolutions and LSTMs keep reals. 1: layers read signs times one
            mean of the tensor, from calibration (XNOR-Net without its map K of means by position);
            they take the place of ReLUs before them; all else has 8 bits.
        activation_scheme: `asymmetric`: with a zero point, up to 8 bits; `symmetric`: about zero.
            Softmax, logistic and tanh have encodings of their own.
        mode: `static`: activations' ranges come from calibration; `dynamic`: activations stay
            reals, and convolutions and linear layers encode their inputs in 8 bits as they arrive.
            Weights are quantized beforehand in both.
        observer: `minmax`; `moving_average` of the ends over batches; `percentile`, which clips
            both tails; `mse`: of least squared error; `entropy`: of least information lost, up to 8
            bits.
        percentile: Of the values, 50..100; for observer=percentile.
        momentum: Of the average; for observer=moving_average.
        observer_batch: Samples of a batch; for observer=moving_average.
        power_of_two_scales: Whether scales of weights and activations are powers of two, so that
            shifts rescale.
        layer_weights: `conv1=4;fc*=2`: nodes, as shell patterns, and bits of their weights, which
            are uniform there (asymmetric where that is the scheme); the first match counts.
        layer_activations: The same for bits of what nodes make.
        first_last_bits: Fewest bits of weights of the first and the last layer, and of the
            activations that the first reads and the last reads and makes; 0: as the others.
        exclude: Nodes that stay float, between conversions: shell patterns, separated by `;`.
        calibration_samples: The first so many inputs are used.
        calibration: `data`, or `synthetic`: standard-normal inputs, where there are none, fewer of
            large ones. Latency and memory are then right, and accuracy means nothing.
        seed: Of synthetic inputs and of stochastic rounding.
    """

    name: ClassVar[str] = "quantize"
    data_need: ClassVar[DataNeed] = "calibration"
    weights: int = Field(default=8, ge=1, le=16)
    activations: ActivationBits = 8
    granularity: Granularity = "channel"
    group: int = Field(default=0, ge=0)
    scale_bits: int = 32
    observer: ObserverName = "minmax"
    percentile: float = Field(default=99.99, gt=50.0, le=100.0)
    calibration_samples: int = Field(default=128, ge=1)
    calibration: Literal["data", "synthetic"] = "data"
    seed: int = Field(default=0, ge=0)
    scheme: SchemeName = "uniform"
    clip: Clip = "max"
    rounding: RoundingName = "nearest_even"
    activation_scheme: Literal["asymmetric", "symmetric"] = "asymmetric"
    mode: Literal["static", "dynamic"] = "static"
    momentum: float = Field(default=0.9, ge=0.0, lt=1.0)
    observer_batch: int = Field(default=16, ge=1)
    power_of_two_scales: bool = False
    layer_weights: str = ""
    layer_activations: str = ""
    first_last_bits: int = Field(default=0, ge=0, le=16)
    exclude: str = ""

    @property
    def needs(self) -> DataNeed:
        """See `Compressor.needs`."""
        is_calibrated = self._is_integer and self.calibration == "data"
        return "calibration" if is_calibrated else "none"

    @property
    def _is_integer(self) -> bool:
        """Whether activations become integers beforehand."""
        return self.activations != REAL_BITS and self.mode == "static"

    @field_validator("scale_bits")
    @classmethod
    def _known_scale(cls, value: int) -> int:
        if value not in (16, 32):
            raise ValueError(f"expected 16 or 32, got {value}")
        return value

    @field_validator("layer_weights", "layer_activations")
    @classmethod
    def _readable_widths(cls, value: str, info: ValidationInfo) -> str:
        read_widths(value, fewest=2 if info.field_name == "layer_weights" else 1)
        return value

    @field_validator("first_last_bits")
    @classmethod
    def _known_ends(cls, value: int) -> int:
        if value == 1:
            raise ValueError("expected 0 or 2..16, got 1")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._scheme_settings.check()
        if self.observer == "entropy" and self.activations > _MOST_ENTROPY_BITS:
            raise ValueError(
                f"observer=entropy takes activations of up to 8 bits, got {self.activations}"
            )
        if self.mode == "dynamic" and self.activations != 8:
            raise ValueError(f"mode=dynamic takes activations=8, got {self.activations}")
        if not self._is_integer and self.layer_activations:
            raise ValueError("layer_activations needs integer activations, got reals")
        return self

    @property
    def _scheme_settings(self) -> SchemeSettings:
        return SchemeSettings(
            name=self.scheme,
            bits=self.weights,
            granularity=self.granularity,
            group=self.group or None,
            scale_bits=self.scale_bits,
            clip=self.clip,
            round=find_rounding(self.rounding, self.seed),
            power_of_two_scales=self.power_of_two_scales,
        )

    @property
    def _plan(self) -> QuantizationPlan:
        return QuantizationPlan(
            weights=WeightPlan(
                settings=self._scheme_settings,
                rounding=self.rounding,
                seed=self.seed,
                widths=read_widths(self.layer_weights),
                ends=self.first_last_bits,
            ),
            activations=ActivationPlan(
                bits=self.activations,
                widths=read_widths(self.layer_activations, fewest=1),
                ends=self.first_last_bits,
            ),
            observation=Observation(
                observer=self.observer,
                percentile=self.percentile,
                momentum=self.momentum,
                batch=self.observer_batch,
                is_symmetric=self.activation_scheme == "symmetric",
            ),
            power_of_two_scales=self.power_of_two_scales,
            exclude=self.exclude,
        )

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        require_reals(graph)
        if self.scale_bits == 16 and self.group:
            require_half(graph, self.weights)
        if self._is_integer:
            made = integers(graph, self._inputs(graph, bench.data), self._plan)
        else:
            made = between_reals(graph, self._plan, is_decoded=self.mode == "static")
        return require_groups(made, self.group) if self.group else made

    def _inputs(self, graph: Graph, data: Data | None) -> Array:
        """Return calibration inputs [samples, ...].

        Raises:
            RecipeError: There are none, or the graph takes several tensors.
        """
        if len(graph.inputs) != 1:
            raise RecipeError(
                f"{graph.name}: quantize: expected one input to calibrate, got "
                f"{len(graph.inputs)}: {', '.join(graph.inputs)}"
            )
        if self.calibration == "synthetic":
            own = graph.tensors[graph.inputs[0]]
            most = max(_FEWEST_SYNTHETIC, _SYNTHETIC_ELEMENTS // own.elements)
            shape = (min(self.calibration_samples, most), *own.shape)
            return np.random.default_rng(self.seed).standard_normal(shape)
        if data is None:
            raise RecipeError(
                f"{graph.name}: quantize: expected calibration inputs, got none; give data, or "
                "quantize{calibration=synthetic} where only latency and memory matter"
            )
        return data.head(self.calibration_samples).x
