"""A box cut out of a tensor."""

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
class Slice(Weightless):
    """Elements start, start + step, ... < stop of every axis.

    Attributes:
        start: Per axis, >= 0.
        stop: Per axis, at most the extent.
        step: Per axis, >= 1.
    """

    kind: ClassVar[str] = "slice"
    shares_encoding: ClassVar[bool] = True
    start: tuple[int, ...]
    stop: tuple[int, ...]
    step: tuple[int, ...]

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        if not len(self.start) == len(self.stop) == len(self.step) == len(x):
            raise GraphError(f"slice of {len(self.start)} axes for {list(x)}")
        bounds = zip(self.start, self.stop, self.step, x, strict=True)
        if any(not 0 <= low < high <= extent or by < 1 for low, high, by, extent in bounds):
            raise GraphError(f"slice {self.start}..{self.stop} leaves {list(x)}")
        bounds = zip(self.start, self.stop, self.step, strict=True)
        return (tuple(len(range(*bound)) for bound in bounds),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return (inputs[0][self._index()],)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        inputs, outputs = quants_of(site, self)
        if inputs != outputs:
            return float_island(self, site)

        def run(x: Array) -> tuple[Array, ...]:
            return (np.ascontiguousarray(x[self._index()]),)

        return run

    def _index(self) -> tuple[slice, ...]:
        bounds = zip(self.start, self.stop, self.step, strict=True)
        return (slice(None), *(slice(*bound) for bound in bounds))

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        elements = outputs[0].elements
        return Workload(kind=self.kind, input_elements=elements, output_elements=elements)
