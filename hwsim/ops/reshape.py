"""Another shape for the same elements."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hwsim.errors import GraphError
from hwsim.op import Weightless
from hwsim.ops._elementwise import view
from hwsim.ops._float_island import float_island, quants_of

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.op import Kernel, Site, Workload
    from hwsim.tensor import TensorType


@dataclass(frozen=True, slots=True, kw_only=True)
class Reshape(Weightless):
    """The same elements in the same order.

    Attributes:
        shape: Of the result, batch included; no extent is left open.
    """

    kind: ClassVar[str] = "reshape"
    shares_encoding: ClassVar[bool] = True
    shape: Shape

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        if math.prod(x) != math.prod(self.shape):
            raise GraphError(f"reshape cannot make {list(self.shape)} of {list(x)}")
        return (self.shape,)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return (inputs[0].reshape(inputs[0].shape[0], *self.shape),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        inputs, outputs = quants_of(site, self)
        if inputs != outputs:
            return float_island(self, site)

        def run(x: Array) -> tuple[Array, ...]:
            return (x.reshape(x.shape[0], *self.shape),)

        return run

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return view(self.kind, inputs, outputs)
