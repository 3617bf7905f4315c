"""Another order of the axes."""

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
class Transpose(Weightless):
    """Axis i of the result is axis `axes[i]` of the operand.

    Attributes:
        axes: A permutation of 0..rank - 1.
    """

    kind: ClassVar[str] = "transpose"
    shares_encoding: ClassVar[bool] = True
    axes: tuple[int, ...]

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        if sorted(self.axes) != list(range(len(x))):
            raise GraphError(f"transpose by {list(self.axes)} of {list(x)}")
        return (tuple(x[axis] for axis in self.axes),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return (inputs[0].transpose(0, *(axis + 1 for axis in self.axes)),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        inputs, outputs = quants_of(site, self)
        if inputs != outputs:
            return float_island(self, site)

        def run(x: Array) -> tuple[Array, ...]:
            moved = x.transpose(0, *(axis + 1 for axis in self.axes))
            return (np.ascontiguousarray(moved),)

        return run

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)
