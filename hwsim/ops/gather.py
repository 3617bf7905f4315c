"""Chosen positions of one axis."""

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
class Gather(Weightless):
    """Position i of the result's axis is position `indices[i]` of the operand's.

    Attributes:
        axis: 0..rank - 1.
        indices: At least one, each >= 0; they may repeat.
    """

    kind: ClassVar[str] = "gather"
    shares_encoding: ClassVar[bool] = True
    axis: int
    indices: tuple[int, ...]

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        if not 0 <= self.axis < len(x):
            raise GraphError(f"gather on axis {self.axis} of {list(x)}")
        if not self.indices or min(self.indices) < 0 or max(self.indices) >= x[self.axis]:
            raise GraphError(f"gather of positions {list(self.indices)} on an axis of {list(x)}")
        return ((*x[: self.axis], len(self.indices), *x[self.axis + 1 :]),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return (np.take(inputs[0], self.indices, axis=self.axis + 1),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        inputs, outputs = quants_of(site, self)
        if inputs != outputs:
            return float_island(self, site)

        def run(x: Array) -> tuple[Array, ...]:
            return (np.take(x, self.indices, axis=self.axis + 1),)

        return run

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        elements = outputs[0].elements
        return Workload(kind=self.kind, input_elements=elements, output_elements=elements)
