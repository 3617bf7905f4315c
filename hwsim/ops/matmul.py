"""Product of two activations, batched over the leading axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError
from hwsim.op import Weightless, Workload
from hwsim.ops._accumulate import Sums, narrowed, require_pairs
from hwsim.ops._activation import clamped_target
from hwsim.ops._float_island import quants_of
from hwsim.ops._product import require_default
from hwsim.ops._wide import is_wide, wide_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import Array, FloatArray, IntArray, Shape
    from hwsim.numerics import Requantizer
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
        is_64_bits = is_wide(site)
        rounding = wide_of(site, self.kind).matmul if is_64_bits else site.numerics.matmul
        requantize = rounding.bind(
            a_quant.scale[0] * self.scale,
            np.asarray(b_quant.scale),
            y_quant.scale[0],
            clamped_target("none", y_quant),
        )

        if not site.numerics.accumulator.is_default:
            return self._prepare_sums(site, requantize)

        def run(a: Array, b: Array) -> tuple[Array, ...]:
            # float64 sums are exact up to 2^53: a depth of 2^37 at 8 bits, of 2^21 at 16.
            left = a.astype(np.float64) - a_quant.zero_point[0]
            right = b.astype(np.float64) - b_quant.zero_point[0]
            right = right.swapaxes(-1, -2) if self.transpose_b else right
            # By way of int64: a float64 beyond 32 bits has no defined int32, an integer wraps.
            total = np.matmul(left, right).astype(np.int64)
            return (requantize(total if is_64_bits else total.astype(np.int32)),)

        return run

    def _prepare_sums(self, site: Site, requantize: Requantizer) -> Kernel:
        if is_wide(site):
            require_default(site, f"{self.kind} of 16-bit activations")
        sums = self.sums(site)

        def run(a: Array, b: Array) -> tuple[Array, ...]:
            totals, _ = sums(a, b)
            return (requantize(narrowed(totals)),)

        return run

    def sums(self, site: Site) -> Callable[[Array, Array], tuple[IntArray, int]]:
        """Return the function of codes to int64 sums in the runtime's register, and overflows.

        Raises:
            UnsupportedError: Its register cannot multiply such codes.
        """
        (a_quant, b_quant), _ = quants_of(site, self)
        require_pairs(site, self.kind, b_quant)

        def summed(a: Array, b: Array) -> tuple[IntArray, int]:
            right = b if self.transpose_b else b.swapaxes(-1, -2)
            centred = right.reshape(-1, *right.shape[-2:]).astype(np.int16) - b_quant.zero_point[0]
            products = [
                Sums(
                    accumulator=site.numerics.accumulator,
                    quant=a_quant,
                    weights=np.ascontiguousarray(rows[None]),
                    bias=np.zeros((1, len(rows)), np.int64),
                )(codes[:, None])
                for codes, rows in zip(a.reshape(-1, *a.shape[-2:]), centred, strict=True)
            ]
            totals = np.stack([total for total, _ in products])
            shape = (*a.shape[:-1], totals.shape[-1])
            return totals.reshape(shape), sum(count for _, count in products)

        return summed

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
