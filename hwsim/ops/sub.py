"""Elementwise difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hwsim.op import Weightless
from hwsim.ops._activation import apply_fused, clamped_target
from hwsim.ops._elementwise import aligned, broadcast, elementwise
from hwsim.ops._float_island import float_island, quants_of
from hwsim.ops.add import bind_sum, clamp_of, formula_of

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray, Shape
    from hwsim.op import Kernel, Site, Workload
    from hwsim.ops._activation import Fused
    from hwsim.tensor import TensorType


@dataclass(frozen=True, slots=True, kw_only=True)
class Sub(Weightless):
    """y = a - b, with NumPy's broadcasting.

    Attributes:
        activation: Clamp fused into the output.
    """

    kind: ClassVar[str] = "sub"
    shares_encoding: ClassVar[bool] = False
    activation: Fused = "none"

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        return (broadcast(self.kind, *shapes),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        a, b = aligned(*inputs)
        return (apply_fused(self.activation, a - b),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        (a_quant, b_quant), (y_quant,) = quants_of(site, self)
        if site.numerics.add == "fused":
            return float_island(self, site)  # ONNX Runtime has no integer difference.
        target = clamped_target(self.activation, y_quant, clamp_of(site))
        return bind_sum(formula_of(site), (a_quant, b_quant, y_quant), target, sign=-1)

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)
