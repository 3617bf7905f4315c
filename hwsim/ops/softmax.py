"""Softmax over the last axis; 8-bit codes as TFLite's kernels compute them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError
from hwsim.kernels.softmax import softmax_codes
from hwsim.numerics.rounding import fixed_point, round_away
from hwsim.op import Weightless
from hwsim.ops import _ort, _softmax16
from hwsim.ops._elementwise import elementwise
from hwsim.ops._float_island import float_island, quants_of
from hwsim.ops._wide import is_wide, wide_of

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.numerics import Quant
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
        (x,) = shapes
        if not x:
            raise GraphError("softmax needs an axis to sum over, got a scalar")
        return (x,)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        (x,) = inputs
        powers = np.exp(self.beta * (x - x.max(axis=-1, keepdims=True)))
        return (powers / powers.sum(axis=-1, keepdims=True),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        (x_quant,), (y_quant,) = quants_of(site, self)
        if is_wide(site) and (y_quant.bits, y_quant.scale[0]) == (16, _softmax16.OUTPUT_SCALE):
            return _softmax16.bind_softmax(self.beta, x_quant, wide_of(site, self.kind).tables)
        if site.numerics.softmax == "powers" and max(x_quant.bits, y_quant.bits) <= 8:
            return _ort.bind_softmax(x_quant, y_quant, self.beta, site.inputs[0].shape[-1])
        if site.numerics.softmax == "powers" or not is_in_integers(x_quant, y_quant):
            return float_island(self, site)
        bind = {"fixed": _bind_fixed, "table": _bind_table}[site.numerics.softmax]
        return bind(self.beta, x_quant, y_quant)

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)


def is_in_integers(x: Quant, y: Quant) -> bool:
    """Return whether runtimes have a kernel of 8 bits: results in steps of 1/256 from the low."""
    fixed = (y.bits, y.scale[0], y.zero_point[0] - y.low)
    return fixed == (8, 1 / 256, 0) and (x.bits, x.signed) == (8, y.signed)


def fixed_constants(beta: float, x: Quant) -> tuple[int, int, int]:
    """Return mantissa, shift and smallest difference of `softmax_codes`."""
    # PreprocessSoftmaxScaling: the multiplier that brings a code to Q5.26.
    real = min(beta * x.scale[0] * (1 << (31 - _INTEGER_BITS)), 2.0**31 - 1)
    mantissas, exponents = fixed_point(np.array([real]))
    # Steps below 2^-27 have no such multiplier; with 0 all classes are alike, as they nearly are.
    mantissa, shift = (int(mantissas[0]), int(exponents[0])) if exponents[0] >= 0 else (0, 0)
    return mantissa, shift, -((((1 << _INTEGER_BITS) - 1) << (31 - _INTEGER_BITS)) >> shift)


def _bind_fixed(beta: float, x: Quant, y: Quant) -> Kernel:
    """Return TFLite's reference: gemmlowp's exponential and reciprocal."""
    mantissa, shift, smallest = fixed_constants(beta, x)
    # Only differences of codes count: unsigned ones are computed as signed.
    offset = y.low + 128

    def run(codes: Array) -> tuple[Array, ...]:
        rows = (codes.reshape(-1, codes.shape[-1]).astype(np.int16) - offset).astype(np.int8)
        out = np.empty(rows.shape, np.int8)
        softmax_codes(rows, mantissa, shift, smallest, out)
        return ((out.astype(np.int16) + offset).astype(y.dtype).reshape(codes.shape),)

    return run


def powers_of_differences(beta: float, x: Quant) -> Array:
    """Return exp(-beta scale d) for the differences d = 0..255 of two codes, float32."""
    exponents = -np.float32(x.scale[0]) * np.float32(beta) * np.arange(256, dtype=np.float32)
    # The C library's expf is exact to within the last bit of float32; NumPy's is not.
    return np.exp(exponents.astype(np.float64)).astype(np.float32)


def _bind_table(beta: float, x: Quant, y: Quant) -> Kernel:
    """Return LiteRT's optimized softmax: float32 powers of all 256 differences, summed in order."""
    powers = powers_of_differences(beta, x)

    def run(codes: Array) -> tuple[Array, ...]:
        wide = codes.astype(np.int16)
        terms = powers[wide.max(axis=-1, keepdims=True) - wide]
        total = np.cumsum(terms, axis=-1, dtype=np.float32)[..., -1:]
        shares = terms * (np.float32(1) / (total * np.float32(y.scale[0])))
        steps = round_away(shares) if y.signed else np.trunc(shares + np.float32(0.5))
        return (np.clip(steps + y.low, y.low, y.high).astype(y.dtype),)

    return run
