"""Copies of a tensor side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError
from hwsim.op import Weightless, Workload
from hwsim.ops._float_island import float_island, quants_of

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.op import Kernel, Site
    from hwsim.tensor import TensorType


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile(Weightless):
    """The operand, repeated along each axis.

    Attributes:
        repeats: Per axis, >= 1.
    """

    kind: ClassVar[str] = "tile"
    shares_encoding: ClassVar[bool] = True
    repeats: tuple[int, ...]

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        if len(x) != len(self.repeats) or min(self.repeats, default=1) < 1:
            raise GraphError(f"tile by {list(self.repeats)} of {list(x)}")
        return (tuple(n * times for n, times in zip(x, self.repeats, strict=True)),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return (np.tile(inputs[0], (1, *self.repeats)),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        inputs, outputs = quants_of(site, self)
        if inputs != outputs:
            return float_island(self, site)

        def run(x: Array) -> tuple[Array, ...]:
            return (np.tile(x, (1, *self.repeats)),)

        return run

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        elements = outputs[0].elements
        return Workload(kind=self.kind, input_elements=elements, output_elements=elements)
