"""A tensor that is part of the model, such as a position embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError, UnsupportedError
from hwsim.op import Weightless, Workload

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.op import Kernel, Site
    from hwsim.tensor import TensorType, Weight


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Constant(Weightless):
    """The values of `value`, for every sample.

    Attributes:
        value: Any shape with at least one axis; encoded per tensor, as the result is.
    """

    kind: ClassVar[str] = "constant"
    shares_encoding: ClassVar[bool] = False
    value: Weight

    @property
    def constants(self) -> tuple[Weight, ...]:
        """See `Op.constants`."""
        return (self.value,)

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        if shapes:
            raise GraphError(f"constant takes no operands, got {[list(s) for s in shapes]}")
        return (self.value.shape,)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        del inputs
        return (self.value.real()[None],)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        quant = site.outputs[0].quant
        if quant is None or self.value.quant != quant:
            raise UnsupportedError(
                f"{site.name}: a constant must be encoded as its tensor, {site.outputs[0].dtype}"
            )

        def run() -> tuple[Array, ...]:
            return (np.asarray(self.value.codes)[None],)

        return run

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        del inputs, outputs
        return Workload(kind=self.kind)
