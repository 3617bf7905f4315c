"""Softmax over the last axis; 8-bit codes go through gemmlowp's fixed-point exponential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.kernels.softmax import softmax_codes
from hwsim.numerics.rounding import fixed_point
from hwsim.op import Weightless
from hwsim.ops._elementwise import elementwise
from hwsim.ops._float_island import float_island, quants_of

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.op import Kernel, Site, Workload
    from hwsim.tensor import TensorType

# Differences to the row's maximum are held in Q5.26: 5 integer bits.
_INTEGER_BITS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax(Weightless):
    """y = exp(beta x) / sum exp(beta x).

    Attributes:
        beta: Factor of the exponent, > 0.
    """

    kind: ClassVar[str] = "softmax"
    shares_encoding: ClassVar[bool] = False
    beta: float = 1.0

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        return shapes

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        (x,) = inputs
        powers = np.exp(self.beta * (x - x.max(axis=-1, keepdims=True)))
        return (powers / powers.sum(axis=-1, keepdims=True),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        (x_quant,), (y_quant,) = quants_of(site, self)
        fixed = (y_quant.bits, y_quant.scale[0], y_quant.zero_point[0]) == (8, 1 / 256, -128)
        if not fixed or not y_quant.signed or not x_quant.signed or x_quant.bits != 8:
            return float_island(self, site)
        # TFLite, PreprocessSoftmaxScaling: the multiplier that brings a code to Q5.26.
        real = min(self.beta * x_quant.scale[0] * (1 << (31 - _INTEGER_BITS)), 2.0**31 - 1)
        mantissa, exponent = fixed_point(np.array([real]))
        shift = int(exponent[0])
        smallest = -((((1 << _INTEGER_BITS) - 1) << (31 - _INTEGER_BITS)) >> shift)

        def run(x: Array) -> tuple[Array, ...]:
            rows = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
            out = np.empty(rows.shape, np.int8)
            softmax_codes(rows, int(mantissa[0]), shift, smallest, out)
            return (out.reshape(x.shape),)

        return run

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)
