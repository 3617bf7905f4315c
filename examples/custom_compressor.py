"""A compressor of one's own, in a recipe with ours: `python examples/custom_compressor.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import nn

import compressors
import hwsim
from compressors import Compressor, Recipe
from hwsim.channels.layers import layers_of
from hwsim.formats import Bitmask
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from compressors import Workbench
    from hwsim.graph import Graph


class KeepLargest(Compressor):
    """Keep the `count` largest weights of each layer, wherever they lie.

    Attributes:
        count: Weights to keep.
    """

    name: ClassVar[str] = "keep_largest"
    data_need = "none"
    count: int = Field(ge=1)

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        del bench
        layers = layers_of(graph).items()
        return graph.with_ops(
            {name: replace(op, weight=self._kept(op.weight)) for name, op in layers}
        )

    def _kept(self, weight: Weight) -> Weight:
        order = np.argsort(-np.abs(weight.codes), axis=None, kind="stable")
        codes = weight.codes.copy()
        codes.flat[order[self.count :]] = 0
        return Weight(codes=codes, quant=weight.quant, format=Bitmask())


if __name__ == "__main__":
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10)).eval()
    graph = hwsim.load((net, (torch.zeros(1, 1, 8, 8),)))
    quantize = compressors.parse("quantize{calibration=synthetic}").steps
    recipe = Recipe(steps=(KeepLargest(count=200), *quantize))
    for chain in (Recipe(steps=quantize), recipe):
        result = hwsim.evaluate(chain.apply(graph), "sparse_pe64_sim")
        print(f"{chain}: {result.latency_s * 1e6:.2f} us, {result.flash_bytes} bytes of flash")
