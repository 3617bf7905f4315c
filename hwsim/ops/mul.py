"""Elementwise product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError
from hwsim.op import Weightless
from hwsim.ops._activation import apply_fused, clamped_target
from hwsim.ops._elementwise import aligned, elementwise
from hwsim.ops._float_island import quants_of
from hwsim.ops._wide import is_wide, wide_of

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.op import Kernel, Site, Workload
    from hwsim.ops._activation import Fused
    from hwsim.tensor import TensorType


@dataclass(frozen=True, slots=True, kw_only=True)
class Mul(Weightless):
    """y = a * b, with NumPy's broadcasting.

    Attributes:
        activation: Clamp fused into the output.
    """

    kind: ClassVar[str] = "mul"
    shares_encoding: ClassVar[bool] = False
    activation: Fused = "none"

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        try:
            a, b = shapes
            return (np.broadcast_shapes(a, b),)
        except ValueError:
            raise GraphError(f"mul cannot broadcast {[list(s) for s in shapes]}") from None

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        a, b = aligned(*inputs)
        return (apply_fused(self.activation, a * b),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        (a_quant, b_quant), (y_quant,) = quants_of(site, self)
        rounding = wide_of(site, self.kind).mul if is_wide(site) else site.numerics.mul
        requantize = rounding.bind(
            site.numerics.ratio_of(a_quant.scale[0], y_quant.scale[0], b_quant.scale[0]),
            np.ones(1),
            1.0,
            clamped_target(self.activation, y_quant, site.numerics.quantize),
        )

        def run(a: Array, b: Array) -> tuple[Array, ...]:
            left, right = aligned(a, b)
            centred = left.astype(np.int32) - a_quant.zero_point[0]
            return (requantize(centred * (right.astype(np.int32) - b_quant.zero_point[0])),)

        return run

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)
