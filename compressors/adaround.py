"""AdaRound: learn whether each weight is rounded up or down."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from pydantic import Field

from compressors._compressor import Compressor, DataNeed
from compressors.quantization.grids import decoded, grid
from compressors.quantization.layers import (
    Product,
    in_order,
    matrices,
    one_input,
    parts_of_rows,
    real_products,
    require_unshared,
)
from compressors.quantization.schemes import Clip, Granularity
from hwsim.channels.layers import group_count
from hwsim.fusion import fused

if TYPE_CHECKING:
    from compressors.training.adaround import Reconstruction
    from compressors.workbench import Workbench
    from hwsim.arrays import FloatArray, IntArray
    from hwsim.graph import Graph, Node
    from hwsim.numerics import Quant
    from hwsim.op import Op

# Rows of patches to learn from, drawn at random where there are more: several for each weight of a
# filter, and few enough for memory.
_MOST_ROWS = 1 << 13


class Adaround(Compressor):
    """Integer weights whose rounding is learned, layer by layer (Nagel et al., arXiv 2004.10568).

    Batch norms are folded and activations fused first. Convolutions and linear layers get integer
    weights between reals; `quantize` behind this step keeps these and makes the rest integers.
    Each code is the step below or above its weight, so at most 1 from the nearest one. Every layer
    sees what the layers before it make with their integer weights, and learns to make what it
    made before, its clamp included. Weights that are zero stay zero.

    Attributes:
        bits: Of a weight.
        granularity: One scale per output channel, or per tensor.
        group: Weights of a row that share a scale instead; 0: none do.
        clip: Whether scales hold the largest weight (`max`), or are of least squared error.
        iterations: Steps of Adam per layer; the paper takes 10000.
        learning_rate: Of each.
        batch_size: Output positions per step.
        calibration_samples: The first so many inputs are used.
        seed: Of which positions come when.
        layers: Node names to round: shell patterns, separated by `;`.
        exclude: Node names to leave, likewise.
    """

    name: ClassVar[str] = "adaround"
    data_need: ClassVar[DataNeed] = "calibration"
    bits: int = Field(default=4, ge=2, le=8)
    granularity: Granularity = "channel"
    group: int = Field(default=0, ge=0)
    clip: Clip = "max"
    iterations: int = Field(default=1000, ge=1)
    learning_rate: float = Field(default=0.01, gt=0.0)
    batch_size: int = Field(default=256, ge=1, le=1 << 16)
    calibration_samples: int = Field(default=128, ge=1)
    seed: int = Field(default=0, ge=0)
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
            op = cast("Product", node.op)
            quant = grid(op, self.bits, self.granularity, self.group, self.clip)
            codes = self._codes(self._task(op, quant, real, seen))
            return decoded(op, codes, quant, f"{graph.name}/{node.name}: {self.name}")

        return in_order(graph, x, chosen, choose)

    def _codes(self, task: Reconstruction) -> IntArray:
        # Torch takes more than a second to import; only those who learn wait for it.
        from compressors.training.adaround import RoundingCourse, learned_codes

        course = RoundingCourse(
            iterations=self.iterations,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            seed=self.seed,
        )
        return learned_codes(task, course)

    def _task(
        self, op: Product, quant: Quant, real: FloatArray, seen: FloatArray
    ) -> Reconstruction:
        """Return what the rounded `op` shall make of inputs `seen`: what `op` makes of `real`."""
        from compressors.training.adaround import Reconstruction

        outputs = op.reference(real)[0]
        count, groups = outputs[..., 0].size, group_count(op)
        rows = _drawn(count, self.seed)
        steps = np.broadcast_to(quant.spread(op.weight.shape)[0], op.weight.shape)
        bias = np.zeros(op.weight.shape[0]) if op.bias is None else op.bias.real()
        return Reconstruction(
            real=matrices(op, op.weight.real()),
            steps=matrices(op, steps),
            high=quant.high,
            bias=bias.reshape(groups, 1, -1),
            activation=op.activation,
            seen=_chosen(op, seen, rows),
            wanted=outputs.reshape(count, groups, -1)[rows].transpose(1, 0, 2),
        )


def _drawn(count: int, seed: int) -> IntArray:
    """Return which of `count` rows to learn from, ascending."""
    if count <= _MOST_ROWS:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, _MOST_ROWS, replace=False))


def _chosen(op: Product, x: FloatArray, rows: IntArray) -> FloatArray:
    """Return these rows of what the outputs of `op` see: [groups, rows, depth]."""
    found: list[FloatArray] = []
    first = 0
    for part in parts_of_rows(op, x):
        last = first + part.shape[1]
        found.append(part[:, rows[(first <= rows) & (rows < last)] - first])
        first = last
    return np.concatenate(found, axis=1)
