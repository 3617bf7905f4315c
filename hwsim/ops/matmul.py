"""Product of two activations, batched over the leading axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError
from hwsim.op import Weightless, Workload
from hwsim.ops._activation import clamped_target
from hwsim.ops._float_island import quants_of

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.op import Kernel, Site
    from hwsim.tensor import TensorType


@dataclass(frozen=True, slots=True, kw_only=True)
class MatMul(Weightless):
    """y = scale * a @ b, or scale * a @ b^T over the last two axes.

    Attributes:
        transpose_b: Whether b comes as [..., columns, depth].
        scale: Factor of the product, such as 1 / sqrt(head width) in attention.
    """

    kind: ClassVar[str] = "matmul"
    shares_encoding: ClassVar[bool] = False
    transpose_b: bool = False
    scale: float = 1.0

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        a, b = shapes
        turned = (*b[:-2], *b[:-3:-1]) if self.transpose_b else b
        if not 2 <= len(a) == len(b) or a[:-2] != b[:-2] or a[-1] != turned[-2]:
            raise GraphError(f"matmul cannot multiply {list(a)} with {list(b)}")
        return ((*a[:-1], turned[-1]),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        a, b = inputs
        return (self.scale * np.matmul(a, b.swapaxes(-1, -2) if self.transpose_b else b),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        (a_quant, b_quant), (y_quant,) = quants_of(site, self)
        requantize = site.numerics.matmul.bind(
            a_quant.scale[0] * self.scale,
            np.asarray(b_quant.scale),
            y_quant.scale[0],
            clamped_target("none", y_quant),
        )

        def run(a: Array, b: Array) -> tuple[Array, ...]:
            # float64 sums are exact up to 2^53: a depth of 2^37 at 8 bits, of 2^21 at 16.
            left = a.astype(np.float64) - a_quant.zero_point[0]
            right = b.astype(np.float64) - b_quant.zero_point[0]
            right = right.swapaxes(-1, -2) if self.transpose_b else right
            # By way of int64: a float64 beyond 32 bits has no defined int32, an integer wraps.
            return (requantize(np.matmul(left, right).astype(np.int64).astype(np.int32)),)

        return run

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        (a, b), (y,) = inputs, outputs
        return Workload(
            kind=self.kind,
            rows=y.shape[-1],
            columns=y.shape[-2],
            depth=a.shape[-1],
            groups=y.elements // (y.shape[-1] * y.shape[-2]),
            output_elements=y.elements,
            input_elements=a.elements + b.elements,
        )
