"""Concatenation along one axis."""

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
class Concat(Weightless):
    """Operands, one after the other along `axis`.

    Attributes:
        axis: 0..rank - 1, or negative from the end.
    """

    kind: ClassVar[str] = "concat"
    shares_encoding: ClassVar[bool] = True
    axis: int

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        rank = len(shapes[0]) if shapes else 0
        axis = self.axis % max(rank, 1)
        rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
        is_level = len(rest) == 1 and all(len(shape) == rank for shape in shapes)
        if not is_level or not -rank <= self.axis < rank:
            raise GraphError(f"concat on axis {self.axis} of {[list(s) for s in shapes]}")
        extent = sum(shape[axis] for shape in shapes)
        return ((*shapes[0][:axis], extent, *shapes[0][axis + 1 :]),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        # A positive axis counts after the axis of stacked samples.
        return (np.concatenate(inputs, axis=self.axis + (self.axis >= 0)),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        inputs, (output,) = quants_of(site, self)
        if any(quant != output for quant in inputs):
            return float_island(self, site)

        def run(*codes: Array) -> tuple[Array, ...]:
            return (np.concatenate(codes, axis=self.axis + (self.axis >= 0)),)

        return run

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)
