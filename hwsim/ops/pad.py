"""Padding with zeros."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError
from hwsim.op import Weightless
from hwsim.ops._elementwise import elementwise
from hwsim.ops._float_island import float_island, quants_of

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.op import Kernel, Site, Workload
    from hwsim.tensor import TensorType


@dataclass(frozen=True, slots=True, kw_only=True)
class Pad(Weightless):
    """Zeros around a tensor.

    Attributes:
        padding: (before, after) of every axis, each >= 0.
    """

    kind: ClassVar[str] = "pad"
    shares_encoding: ClassVar[bool] = True
    padding: tuple[tuple[int, int], ...]

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        if len(x) != len(self.padding):
            raise GraphError(f"pad has {len(self.padding)} pairs for {list(x)}")
        if any(min(pair) < 0 for pair in self.padding):
            raise GraphError(f"pad by {self.padding} would cut {list(x)}; slice does that")
        return (tuple(n + sum(pair) for n, pair in zip(x, self.padding, strict=True)),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return (np.pad(inputs[0], ((0, 0), *self.padding)),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        inputs, outputs = quants_of(site, self)
        if inputs != outputs:
            return float_island(self, site)
        (quant,) = inputs

        def run(x: Array) -> tuple[Array, ...]:
            fill = quant.zero_point[0]
            return (np.pad(x, ((0, 0), *self.padding), constant_values=fill),)

        return run

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)
