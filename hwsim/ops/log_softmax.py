"""Logarithm of softmax over the last axis; 8-bit codes as TFLite's kernels compute them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError
from hwsim.kernels.log_softmax import log_softmax_codes
from hwsim.numerics.rounding import fixed_point
from hwsim.op import Weightless
from hwsim.ops._elementwise import elementwise
from hwsim.ops._float_island import float_island, quants_of

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.numerics import Quant
    from hwsim.op import Kernel, Site, Workload
    from hwsim.tensor import TensorType

# Differences to the row's maximum are held in Q5.26: 5 integer bits.
_INTEGER_BITS = 5


@dataclass(frozen=True, slots=True)
class LogSoftmax(Weightless):
    """y = x - log sum exp x."""

    kind: ClassVar[str] = "log_softmax"
    shares_encoding: ClassVar[bool] = False

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        if not x:
            raise GraphError("log_softmax needs an axis to sum over, got a scalar")
        return (x,)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        (x,) = inputs
        centred = x - x.max(axis=-1, keepdims=True)
        return (centred - np.log(np.exp(centred).sum(axis=-1, keepdims=True)),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        (x_quant,), (y_quant,) = quants_of(site, self)
        fixed = (y_quant.bits, y_quant.scale[0], y_quant.zero_point[0] - y_quant.high)
        is_same_width = (x_quant.bits, x_quant.signed) == (8, y_quant.signed)
        is_known = site.numerics.softmax != "powers"  # ONNX Runtime computes it in reals.
        if not is_known or fixed != (8, 1 / 16, 0) or not is_same_width:
            return float_island(self, site)
        if site.numerics.softmax == "fixed":
            return _bind_fixed(x_quant, y_quant)
        return _bind_table(x_quant, y_quant)

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)


def _bind_fixed(x: Quant, y: Quant) -> Kernel:
    """Return TFLite's reference: gemmlowp's exponential and logarithm."""
    # PreprocessLogSoftmaxScalingExp: the multiplier that brings a code to Q5.26, and back.
    real = min(x.scale[0] * (1 << (31 - _INTEGER_BITS)), 2.0**31 - 1)
    mantissas, exponents = fixed_point(np.array([real]))
    mantissa, shift = int(mantissas[0]), int(exponents[0])
    back_mantissa, back_exponent = fixed_point(np.array([2.0 ** (31 - shift) / mantissa]))
    scale = np.array([mantissa, shift], np.int64)
    back = np.array([back_mantissa[0], back_exponent[0]], np.int64)
    # Only differences of codes count: unsigned ones are computed as signed.
    offset = y.low + 128
    smallest = -((((1 << _INTEGER_BITS) - 1) << (31 - _INTEGER_BITS)) >> shift)

    def run(codes: Array) -> tuple[Array, ...]:
        rows = (codes.reshape(-1, codes.shape[-1]).astype(np.int16) - offset).astype(np.int8)
        out = np.empty(rows.shape, np.int8)
        log_softmax_codes(rows, scale, back, smallest, out)
        return ((out.astype(np.int16) + offset).astype(y.dtype).reshape(codes.shape),)

    return run


def _bind_table(x: Quant, y: Quant) -> Kernel:
    """Return LiteRT's optimized kernel: float32 powers of all 256 differences, summed in order."""
    step = np.float32(x.scale[0])
    exponents = -step * np.arange(256, dtype=np.float32)
    # The C library's expf is exact to within the last bit of float32; NumPy's is not.
    powers = np.exp(exponents.astype(np.float64)).astype(np.float32)
    ratio = step / np.float32(y.scale[0])

    def run(codes: Array) -> tuple[Array, ...]:
        wide = codes.astype(np.int64)
        largest = wide.max(axis=-1, keepdims=True)
        sums = np.cumsum(powers[largest - wide], axis=-1, dtype=np.float32)[..., -1:]
        logs = np.log(sums.astype(np.float64)).astype(np.float32)
        offset = (step * largest.astype(np.float32) + logs) / np.float32(y.scale[0])
        steps = np.rint(ratio * wide.astype(np.float32) - offset).astype(np.int64)
        return (np.clip(steps + y.zero_point[0], y.low, y.high).astype(y.dtype),)

    return run
