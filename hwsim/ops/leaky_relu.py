"""Leaky rectifier: negative values are scaled down instead of cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.jit import kernel
from hwsim.numerics.rounding import fixed_point, gemmlowp_round
from hwsim.op import Weightless
from hwsim.ops._elementwise import elementwise
from hwsim.ops._float_island import quants_of, table_lookup
from hwsim.ops._table import tabulated

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray, IntArray, Shape
    from hwsim.numerics import Quant
    from hwsim.op import Kernel, Site, Workload
    from hwsim.tensor import TensorType

# Fractional bits of XNNPACK's multipliers (qs8-vlrelu).
_XNNPACK_BITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakyRelu(Weightless):
    """y = x where x >= 0, else alpha * x.

    Attributes:
        alpha: Slope of the negative half.
    """

    kind: ClassVar[str] = "leaky_relu"
    shares_encoding: ClassVar[bool] = False
    alpha: float

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        return (x,)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        (x,) = inputs
        return (np.where(x >= 0, x, self.alpha * x),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        (x,), (y,) = quants_of(site, self)
        if site.numerics.quantize == "ort":
            return table_lookup(self, site)
        # Both runtimes bring scales together in float32.
        identity = np.float32(x.scale[0]) / np.float32(y.scale[0])
        slope = np.float32(x.scale[0]) * np.float32(self.alpha) / np.float32(y.scale[0])
        # XNNPACK leaves codes of more than 8 bits to TFLite.
        formula = site.numerics.quantize if x.bits <= 8 else "tflite"
        recode = {"tflite": _recode_tflite, "xnnpack": _recode_xnnpack}[formula]

        def convert(centred: IntArray) -> IntArray:
            steps = np.where(
                centred >= 0, recode(centred, float(identity)), recode(centred, float(slope))
            )
            return _clamped(steps, y)

        return tabulated(x, convert)

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)


def _recode_tflite(centred: IntArray, ratio: float) -> IntArray:
    """Return gemmlowp's product with |ratio|; a negative sign is set afterwards."""
    mantissa, exponent = fixed_point(np.array([abs(ratio)]))
    out = np.empty(centred.size, np.int64)
    _rounded(centred.reshape(-1).astype(np.int64), int(mantissa[0]), int(exponent[0]), out)
    return out.reshape(centred.shape) * (-1 if ratio < 0 else 1)


@kernel
def _rounded(x: IntArray, mantissa: int, exponent: int, out: IntArray) -> None:
    for i in range(x.shape[0]):
        out[i] = gemmlowp_round(x[i], mantissa, exponent)


def _recode_xnnpack(centred: IntArray, ratio: float) -> IntArray:
    """Return XNNPACK's product: a multiplier of 8 fractional bits, halves up."""
    multiplier = int(np.rint(ratio * (1 << _XNNPACK_BITS)))
    return (centred * multiplier + (1 << (_XNNPACK_BITS - 1))) >> _XNNPACK_BITS


def _clamped(steps: IntArray, y: Quant) -> IntArray:
    return np.clip(steps + y.zero_point[0], y.low, y.high).astype(y.dtype)
