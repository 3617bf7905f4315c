"""Post-training static quantization to integers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from compressors._compressor import Compressor, DataNeed
from compressors.quantization.encodings import encodings
from compressors.quantization.integer_ops import (
    Granularity,
    WeightEncoding,
    as_integers,
    with_integer_weights,
)
from compressors.quantization.ranges import MinMax, ObserverName, Percentile, observe
from compressors.quantization.scales import LARGEST_HALF, LARGEST_SCALE
from hwsim.errors import RecipeError
from hwsim.fusion import fused, without_batch_norm
from hwsim.graph import validate
from hwsim.ops import Linear

if TYPE_CHECKING:
    from compressors.quantization.ranges import Observer
    from compressors.workbench import Workbench
    from hwsim.arrays import Array
    from hwsim.data import Data
    from hwsim.graph import Graph


_REAL_BITS = 32
_ACTIVATION_BITS = (*range(2, 9), 16, _REAL_BITS)


class Quantize(Compressor):
    """Make tensors integer ones: activations of 2..8 or 16 bits, weights of 2..8, wide biases.

    With activations=32 only weights become integers: layers multiply the reals that these mean.
    Batch norms are folded, activations fused, ranges observed on calibration inputs; encodings
    follow TFLite's specification (Jacob et al., arXiv 1712.05877; Nagel et al., arXiv
    2106.08295). Weights that are zero stay exactly zero, in the storage format that they have.
    Scales are at least 2^-100: activations below 1e-31 become zero. Activations of 16 bits have
    zero point 0 and biases of 64 bits (TensorFlow Lite's 16x8 scheme).

    Attributes:
        weights: Bits of a weight.
        activations: Bits of an activation: 2..8, 16, or 32 for float32.
        granularity: One weight scale per output channel, or per tensor.
        group: Weights of a row that share a scale instead; 0: none do. Convolutions of integer
            activations keep one scale per channel, since no runtime gives them more.
        scale_bits: Width in which a group's scale is stored, 16 or 32.
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
    group: int = Field(default=0, ge=0)
    scale_bits: int = 32
    observer: ObserverName = "minmax"
    percentile: float = Field(default=99.99, gt=50.0, le=100.0)
    calibration_samples: int = Field(default=128, ge=1)
    calibration: Literal["data", "synthetic"] = "data"
    seed: int = Field(default=0, ge=0)

    @property
    def needs(self) -> DataNeed:
        """See `Compressor.needs`."""
        is_calibrated = self.activations != _REAL_BITS and self.calibration == "data"
        return "calibration" if is_calibrated else "none"

    @property
    def _encoding(self) -> WeightEncoding:
        return WeightEncoding(
            bits=self.weights,
            granularity=self.granularity,
            group=self.group or None,
            scale_bits=self.scale_bits,
            activation_bits=self.activations,
        )

    @field_validator("activations")
    @classmethod
    def _known_width(cls, value: int) -> int:
        if value not in _ACTIVATION_BITS:
            raise ValueError(f"expected 2..8, 16 or 32 (float32), got {value}")
        return value

    @field_validator("scale_bits")
    @classmethod
    def _known_scale(cls, value: int) -> int:
        if value not in (16, 32):
            raise ValueError(f"expected 16 or 32, got {value}")
        return value

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        _require_reals(graph)
        if self.activations == _REAL_BITS:
            graph = fused(graph)
            self._require_half(graph)
            ops = {n.name: with_integer_weights(n.op, self._encoding) for n in graph.nodes}
            return self._grouped(validate(graph.with_ops(ops)))
        x = self._inputs(graph, bench.data)
        graph = without_batch_norm(fused(graph))
        _require_moderate(graph)
        self._require_half(graph)
        ranges = observe(graph, x, self._make_observer)
        quants = encodings(graph, ranges, self.activations)
        nodes = tuple(
            replace(
                node,
                op=as_integers(
                    node.op,
                    quants[node.inputs[0]].scale[0] if node.inputs else 1.0,
                    quants[node.outputs[0]],
                    self._encoding,
                ),
            )
            for node in graph.nodes
        )
        tensors = {
            name: replace(type_, quant=quants[name]) for name, type_ in graph.tensors.items()
        }
        return self._grouped(validate(replace(graph, nodes=nodes, tensors=tensors)))

    def _grouped(self, graph: Graph) -> Graph:
        """Return `graph`, unless groups were asked for and no weights have them.

        Raises:
            RecipeError: That is so.
        """
        weights = [weight for node in graph.nodes for weight in node.op.constants]
        is_grouped = any(weight.quant and weight.quant.group for weight in weights)
        # A row that is one group has its scale per channel.
        linear = [node.op.weight for node in graph.nodes if isinstance(node.op, Linear)]
        if self.group and not is_grouped and all(w.matrix.shape[1] != self.group for w in linear):
            raise RecipeError(
                f"{graph.name}: quantize: group={self.group} applies to weights of linear layers "
                "(and, with activations=32, of convolutions) whose rows are longer than a group; "
                "there are none; leave group out"
            )
        return graph

    def _require_half(self, graph: Graph) -> None:
        """Refuse weights whose groups would need scales beyond float16.

        Raises:
            RecipeError: Some do.
        """
        most = LARGEST_HALF * ((1 << (self.weights - 1)) - 1)
        for node in graph.nodes if self.group and self.scale_bits == 16 else ():
            weight = node.op.weight
            largest = 0.0 if weight is None else float(np.abs(weight.real()).max(initial=0.0))
            if not largest <= most:
                raise RecipeError(
                    f"{graph.name}/{node.name}: quantize: scales of 16 bits hold weights up to "
                    f"{most:.3g}, got {largest:.3g}; scale_bits=32 holds them"
                )

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
