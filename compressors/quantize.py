"""Post-training static quantization to integers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from compressors._compressor import DataNeed, Settings
from compressors._encodings import encodings
from compressors._integer_ops import Granularity, WeightEncoding, as_integers
from compressors._ranges import MinMax, ObserverName, Percentile, observe
from compressors._scales import LARGEST_SCALE
from hwsim.errors import RecipeError
from hwsim.fusion import fused, without_batch_norm
from hwsim.graph import validate

if TYPE_CHECKING:
    from compressors._ranges import Observer
    from hwsim.arrays import Array
    from hwsim.data import Data
    from hwsim.graph import Graph


class Quantize(Settings):
    """Make every tensor an integer one: int8 activations, weights of 2..8 bits, int32 biases.

    Batch norms are folded, activations fused, ranges observed on calibration inputs; encodings
    follow TFLite's specification (Jacob et al., arXiv 1712.05877; Nagel et al., arXiv
    2106.08295). Weights that are zero stay exactly zero, in the storage format that they have.
    Scales are at least 2^-100: activations below 1e-31 become zero.

    Attributes:
        weights: Bits of a weight.
        activations: Bits of an activation.
        granularity: One weight scale per output channel, or per tensor.
        observer: `minmax`, or `percentile`, which clips outliers of both tails.
        percentile: Of the values, 50..100; for observer=percentile.
        calibration_samples: The first so many inputs are used.
        calibration: `data`, or `synthetic`: standard-normal inputs, where there are none. Latency
            and memory are then right, and accuracy means nothing.
        seed: Of synthetic inputs.
    """

    name: ClassVar[str] = "quantize"
    data_need: ClassVar[DataNeed] = "calibration"
    weights: int = Field(default=8, ge=2, le=8)
    activations: int = 8
    granularity: Granularity = "channel"
    observer: ObserverName = "minmax"
    percentile: float = Field(default=99.99, gt=50.0, le=100.0)
    calibration_samples: int = Field(default=128, ge=1)
    calibration: Literal["data", "synthetic"] = "data"
    seed: int = Field(default=0, ge=0)

    @property
    def needs(self) -> DataNeed:
        """See `Compressor.needs`."""
        return "calibration" if self.calibration == "data" else "none"

    @field_validator("activations")
    @classmethod
    def _known_width(cls, value: int) -> int:
        if value != 8:
            raise ValueError(f"expected 8, got {value}; weights may have 2..8 bits")
        return value

    def apply(self, graph: Graph, data: Data | None = None) -> Graph:
        """See `Compressor.apply`."""
        _require_reals(graph)
        x = self._inputs(graph, data)
        graph = without_batch_norm(fused(graph))
        _require_moderate(graph)
        ranges = observe(graph, x, self._make_observer)
        quants = encodings(graph, ranges)
        encoding = WeightEncoding(bits=self.weights, granularity=self.granularity)
        nodes = tuple(
            replace(
                node,
                op=as_integers(
                    node.op,
                    quants[node.inputs[0]].scale[0] if node.inputs else 1.0,
                    quants[node.outputs[0]],
                    encoding,
                ),
            )
            for node in graph.nodes
        )
        tensors = {
            name: replace(type_, quant=quants[name]) for name, type_ in graph.tensors.items()
        }
        return validate(replace(graph, nodes=nodes, tensors=tensors))

    def _make_observer(self, total: int) -> Observer:
        return MinMax() if self.observer == "minmax" else Percentile(self.percentile, total)

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
            shape = (self.calibration_samples, *graph.tensors[graph.inputs[0]].shape)
            return np.random.default_rng(self.seed).standard_normal(shape)
        if data is None:
            raise RecipeError(
                f"{graph.name}: quantize: expected calibration inputs, got none; give data, or "
                "quantize{calibration=synthetic} where only latency and memory matter"
            )
        return data.head(self.calibration_samples).x


def _require_reals(graph: Graph) -> None:
    for name, type_ in graph.tensors.items():
        if type_.quant is not None:
            raise RecipeError(
                f"{graph.name}: quantize: expected a graph of floats, got {type_} in tensor "
                f"{name!r}; it is quantized already, leave the step out"
            )
    for node in graph.nodes:
        for weight in node.op.constants:
            if weight.quant is not None:
                raise RecipeError(
                    f"{graph.name}/{node.name}: quantize: expected float weights, got "
                    f"int{weight.bits}; leave out the step that made them integers"
                )


def _require_moderate(graph: Graph) -> None:
    for node in graph.nodes:
        for weight in node.op.constants:
            largest = float(np.abs(weight.real()).max(initial=0.0))
            if not largest <= LARGEST_SCALE:
                raise RecipeError(
                    f"{graph.name}/{node.name}: quantize: expected constants up to "
                    f"{LARGEST_SCALE:.3g}, got {largest:.3g}; scale the layer"
                )
