"""Weight sharing: all weights of a layer take one of a few values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from compressors._compressor import Compressor, DataNeed
from compressors._patterns import chosen_of
from compressors.sharing.kmeans import Init, cluster, nearest
from compressors.sharing.optimal import MOST_CUTS
from compressors.sharing.points import Points
from hwsim.channels.layers import layers_of
from hwsim.errors import FormatError, RecipeError
from hwsim.formats import Codebook, Relative
from hwsim.formats.find import find_format
from hwsim.fusion import fused

if TYPE_CHECKING:
    from compressors.workbench import Workbench
    from hwsim.channels.layers import Layer
    from hwsim.formats import Format
    from hwsim.graph import Graph
    from hwsim.op import Op
    from hwsim.tensor import Weight

_DENSE: tuple[Format, ...] = (Codebook(),)
_SPARSE: tuple[Format, ...] = (Codebook(), Relative(4, "codebook"), Relative(8, "codebook"))


class Share(Compressor):
    """Let all weights of a convolution or linear layer take one of a few values: k-means.

    Han et al., "Deep Compression", arXiv 1510.00149, section 3. Weights that are zero stay zero:
    where there are some, 0 is one of the values, and the others are clustered. The weights stay
    reals, stored as indices of a table; `finetune` behind this step trains the tables, `encode`
    writes them shorter. Batch norms are folded first, since what they multiply later would share
    nothing. `quantize{granularity=tensor}` behind it keeps what is shared; one scale per channel
    rounds each row to codes of its own, up to 255 to a table. Depthwise convolutions are shared as
    others are.

    Attributes:
        bits: Of an index: 2^bits values per layer.
        clusters: Instead, how many values.
        init: Where k-means starts: `linear`, equally far apart, the paper's choice since it keeps
            the few large weights; `density`, equally many weights apart; `random` weights; or
            `optimal`: the least squared error there is, found without a start.
        biases: Whether biases share values, too: each layer's its own as many.
        format: How weights are stored then, one that shares values; left out, the shortest of
            `codebook` and, where there are zeros, `relative4_codebook` and `relative8_codebook`.
        layers: Node names to choose: shell patterns, separated by `;`.
        exclude: Node names to leave, likewise.
        seed: Of init=random.
    """

    name: ClassVar[str] = "share"
    data_need: ClassVar[DataNeed] = "none"
    bits: int | None = Field(default=None, ge=1, le=16)
    clusters: int | None = Field(default=None, ge=2, le=1 << 16)
    init: Init = "linear"
    biases: bool = False
    format: str = ""
    layers: str = "*"
    exclude: str = ""
    seed: int = Field(default=0, ge=0)

    @field_validator("format")
    @classmethod
    def _sharing_format(cls, value: str) -> str:
        try:
            shares = not value or find_format(value).shares_values
        except FormatError as error:
            raise ValueError(str(error)) from error
        if not shares:
            raise ValueError(f"expected a format of shared values such as codebook, got {value}")
        return value

    @model_validator(mode="after")
    def _one_count(self) -> Self:
        if (self.bits is None) == (self.clusters is None):
            got = "none" if self.bits is None else "both"
            raise ValueError(f"expected one of bits and clusters, got {got}")
        return self

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        del bench
        graph = fused(graph)
        chosen = chosen_of(
            layers_of(graph), self.layers, self.exclude, f"{graph.name}: {self.name}"
        )
        return graph.with_ops(
            {name: self._shared_op(f"{graph.name}/{name}", op) for name, op in chosen.items()}
        )

    def _shared_op(self, where: str, op: Layer) -> Op:
        bias = op.bias
        if self.biases and bias is not None:
            bias = self._shared(where, bias)
        return replace(op, weight=self._shared(where, op.weight), bias=bias)

    def _shared(self, where: str, weight: Weight) -> Weight:
        """Return `weight` with few distinct values, or as it is where it has no more elements.

        Raises:
            RecipeError: It holds integers, or too many numbers for init=optimal.
        """
        if weight.quant is not None:
            raise RecipeError(
                f"{where}: share expected float weights, got int{weight.bits}; share before "
                "quantize, which keeps shared values shared"
            )
        count = self.clusters or 1 << (self.bits or 0)
        if weight.codes.size <= count:
            return weight
        used = weight.codes[weight.codes != 0]
        codes = np.zeros(weight.shape, np.float32)
        if used.size:
            points = Points.of(used)
            count -= used.size < weight.codes.size
            self._require_few(where, len(points.values) * count)
            centroids = cluster(points, count, self.init, self.seed)
            codes[weight.codes != 0] = centroids.astype(np.float32)[nearest(used, centroids)]
        return self._stored(replace(weight, codes=codes))

    def _require_few(self, where: str, cuts: int) -> None:
        if self.init == "optimal" and cuts > MOST_CUTS:
            raise RecipeError(
                f"{where}: share: init=optimal takes at most {MOST_CUTS} weights x clusters, got "
                f"{cuts}; init=linear takes any"
            )

    def _stored(self, weight: Weight) -> Weight:
        """Return `weight` in the format of the settings, or in the shortest that shares values."""
        if self.format:
            return replace(weight, format=find_format(self.format))
        formats = _DENSE if weight.codes.all() else _SPARSE
        candidates = [replace(weight, format=format_) for format_ in formats]
        return min(candidates, key=lambda candidate: candidate.storage_bytes)
