"""GPTQ: round weights one column after the other, the rest making up for each error."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias, cast

import numpy as np
from pydantic import Field

from compressors._compressor import Compressor, DataNeed
from compressors.quantization.compensation import compensated
from compressors.quantization.grids import decoded, grid
from compressors.quantization.hessian import hessians, inverse_root
from compressors.quantization.layers import (
    Product,
    in_order,
    matrices,
    one_input,
    real_products,
    require_unshared,
)
from compressors.quantization.schemes import Clip, Granularity
from hwsim.fusion import fused

if TYPE_CHECKING:
    from compressors.workbench import Workbench
    from hwsim.arrays import FloatArray, IntArray
    from hwsim.graph import Graph, Node
    from hwsim.op import Op

Order: TypeAlias = Literal["activation", "given"]
"""Which column is rounded first: that of the largest inputs, or the first."""


class Gptq(Compressor):
    """Integer weights of least output error, layer by layer (Frantar et al., arXiv 2210.17323).

    Batch norms are folded and activations fused first. Convolutions and linear layers get integer
    weights between reals; `quantize` behind this step keeps these and makes the rest integers.
    Every layer sees what the layers before it make with their integer weights. Scales are those
    of the weights as they come; weights that are zero stay zero.

    Attributes:
        bits: Of a weight.
        granularity: One scale per output channel, or per tensor.
        group: Weights of a row that share a scale instead; 0: none do.
        clip: Whether scales hold the largest weight (`max`), or are of least squared error.
        order: Of columns: `activation`: those of the largest inputs first, so that many are left
            to make up for their errors; `given`: as they lie.
        damping: Part of the mean of the Hessian's diagonal that is added to all of it.
        calibration_samples: The first so many inputs are used.
        layers: Node names to round: shell patterns, separated by `;`.
        exclude: Node names to leave, likewise.
    """

    name: ClassVar[str] = "gptq"
    data_need: ClassVar[DataNeed] = "calibration"
    bits: int = Field(default=4, ge=2, le=8)
    granularity: Granularity = "channel"
    group: int = Field(default=0, ge=0)
    clip: Clip = "max"
    order: Order = "activation"
    damping: float = Field(default=0.01, gt=0.0)
    calibration_samples: int = Field(default=128, ge=1)
    layers: str = "*"
    exclude: str = ""

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        graph = fused(graph)
        chosen = real_products(graph, self.name, self.layers, self.exclude)
        require_unshared(graph, self.name, chosen)
        data = bench.inputs(graph, self.name)
        x = one_input(graph, data, self.calibration_samples, self.name)

        def choose(node: Node, real: FloatArray, seen: FloatArray) -> Op:
            del real
            return self._rounded(cast("Product", node.op), seen, f"{graph.name}/{node.name}")

        return in_order(graph, x, chosen, choose)

    def _rounded(self, op: Product, seen: FloatArray, where: str) -> Op:
        """Return `op` with integer weights, chosen for inputs `seen` [samples, *shape]."""
        quant = grid(op, self.bits, self.granularity, self.group, self.clip)
        steps = np.broadcast_to(quant.spread(op.weight.shape)[0], op.weight.shape)
        parts = zip(
            matrices(op, op.weight.real()),
            matrices(op, steps),
            hessians(op, [seen]),
            strict=True,
        )
        codes = [self._codes(real, step, quant.high, hessian) for real, step, hessian in parts]
        return decoded(op, np.stack(codes), quant, f"{where}: {self.name}")

    def _codes(
        self, real: FloatArray, steps: FloatArray, high: int, hessian: FloatArray
    ) -> IntArray:
        order = np.arange(len(hessian))
        if self.order == "activation":
            order = np.argsort(-np.diag(hessian), kind="stable")
        root = inverse_root(hessian[np.ix_(order, order)], self.damping)
        return compensated(real, steps, high, root, order)
