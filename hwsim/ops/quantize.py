"""Conversions between reals and codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.numerics.rounding import Gemmlowp
from hwsim.op import Weightless
from hwsim.ops._activation import clamped_target
from hwsim.ops._elementwise import elementwise

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.op import Kernel, Site, Workload
    from hwsim.tensor import TensorType


@dataclass(frozen=True, slots=True)
class Quantize(Weightless):
    """Encode reals, or codes of another encoding, as the output's codes."""

    kind: ClassVar[str] = "quantize"
    shares_encoding: ClassVar[bool] = False

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        return shapes

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return inputs

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        x_quant, y_quant = site.inputs[0].quant, site.outputs[0].quant
        if y_quant is None:
            raise UnsupportedError(f"{site.name}: quantize makes integers, got float32 to make")
        if x_quant is None:

            def encode(x: Array) -> tuple[Array, ...]:
                # TFLite rounds the float32 quotient, halves away from zero.
                steps = x.astype(np.float32) / np.float32(y_quant.scale[0])
                codes = np.sign(steps) * np.floor(np.abs(steps) + np.float32(0.5))
                shifted = codes + y_quant.zero_point[0]
                return (np.clip(shifted, y_quant.low, y_quant.high).astype(y_quant.dtype),)

            return encode
        target = clamped_target("none", y_quant)
        requantize = Gemmlowp().bind(x_quant.scale[0], np.ones(1), y_quant.scale[0], target)

        def recode(x: Array) -> tuple[Array, ...]:
            return (requantize(x.astype(np.int32) - x_quant.zero_point[0]),)

        return recode

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)


@dataclass(frozen=True, slots=True)
class Dequantize(Weightless):
    """Decode codes to float32."""

    kind: ClassVar[str] = "dequantize"
    shares_encoding: ClassVar[bool] = False

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        return shapes

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return inputs

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        quant = site.inputs[0].quant
        if quant is None or site.outputs[0].quant is not None:
            raise UnsupportedError(f"{site.name}: dequantize takes integers and makes float32")

        def decode(x: Array) -> tuple[Array, ...]:
            return (quant.decode(x),)

        return decode

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)
