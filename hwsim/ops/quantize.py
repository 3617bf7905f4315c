"""Conversions between reals and codes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.numerics.rounding import Gemmlowp, round_away
from hwsim.op import Weightless
from hwsim.ops._activation import clamped_target
from hwsim.ops._elementwise import elementwise
from hwsim.ops._ort import decode_float32, encode_float32
from hwsim.ops._vectors import decode_vectors, encode_vectors, recode_vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arrays import Array, FloatArray, IntArray, Shape
    from hwsim.numerics import Quant
    from hwsim.op import Kernel, Site, Workload
    from hwsim.tensor import TensorType

# Fractional bits of XNNPACK's multiplier between two 8-bit encodings.
_RECODE_BITS = 8


@dataclass(frozen=True, slots=True)
class Quantize(Weightless):
    """Encode reals, or codes of another encoding, as the output's codes.

    Bipolar codes are the signs of what comes in, +1 of 0.
    """

    kind: ClassVar[str] = "quantize"
    shares_encoding: ClassVar[bool] = False

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        return (x,)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return inputs

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        x_quant, y_quant = site.inputs[0].quant, site.outputs[0].quant
        if y_quant is None:
            raise UnsupportedError(f"{site.name}: quantize makes integers, got float32 to make")
        formula = site.numerics.quantize
        is_wide = x_quant is not None and max(x_quant.bits, y_quant.bits) > 8
        is_mixed = x_quant is not None and x_quant.signed != y_quant.signed
        if formula == "xnnpack" and (is_wide or is_mixed):
            # XNNPACK leaves codes of more than 8 bits, and int8 beside uint8, to TFLite.
            formula = "tflite"
        is_in_vectors = site.numerics.conversion == "vectors"
        if y_quant.is_bipolar:
            convert = _signs_of(x_quant)
        elif x_quant is None:
            # LiteRT's own kernels encode 16 bits, also where XNNPACK encodes 8.
            is_own = is_in_vectors or (formula == "xnnpack" and y_quant.bits > 8)
            convert = (encode_vectors if is_own else _ENCODERS[formula])(y_quant)
        else:
            recode = recode_vectors if is_in_vectors and not is_wide else _RECODERS[formula]
            convert = recode(x_quant, y_quant)

        def run(x: Array) -> tuple[Array, ...]:
            return (convert(x),)

        return run

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)


def _signs_of(x: Quant | None) -> Callable[[Array], IntArray]:
    """Return the signs of reals, or of what codes mean: the same under every policy."""
    zero = 0 if x is None else x.zero_point[0]
    return lambda codes: np.where(codes >= zero, np.int8(1), np.int8(-1))


def _encode_tflite(y: Quant) -> Callable[[Array], IntArray]:
    """Return TFLite's encoding of reals: the float32 quotient, halves away from zero."""
    scale = np.float32(y.scale[0])
    return lambda x: _clamped(round_away(x.astype(np.float32) / scale), y)


def _encode_xnnpack(y: Quant) -> Callable[[Array], IntArray]:
    """Return XNNPACK's: the product with the float32 reciprocal, halves to even."""
    inverse = np.float32(1) / np.float32(y.scale[0])
    return lambda x: _clamped(np.rint(x.astype(np.float32) * inverse), y)


def _clamped(steps: Array, y: Quant) -> IntArray:
    # In float64, where no step of float32 is lost and large reals stay in range.
    codes = steps.astype(np.float64) + y.zero_point[0]
    return np.clip(codes, y.low, y.high).astype(y.dtype)


def _bind_tflite(x: Quant, y: Quant) -> Callable[[IntArray], IntArray]:
    """Return TFLite's change of encoding: gemmlowp's rounding."""
    requantize = Gemmlowp().bind(x.scale[0], np.ones(1), y.scale[0], clamped_target("none", y))
    return lambda codes: requantize(codes.astype(np.int32) - x.zero_point[0])


def _bind_xnnpack(x: Quant, y: Quant) -> Callable[[IntArray], IntArray]:
    """Return XNNPACK's: a multiplier of 8 fractional bits, halves up (qs8-vcvt)."""
    ratio = np.float32(x.scale[0]) / np.float32(y.scale[0])
    multiplier = int(np.rint(np.float32(1 << _RECODE_BITS) * ratio))
    half = 1 << (_RECODE_BITS - 1)

    def recode(codes: IntArray) -> IntArray:
        product = (codes.astype(np.int64) - x.zero_point[0]) * multiplier
        shifted = ((product + half) >> _RECODE_BITS) + y.zero_point[0]
        return np.clip(shifted, y.low, y.high).astype(y.dtype)

    return recode


_ENCODERS: Mapping[str, Callable[[Quant], Callable[[Array], IntArray]]] = {
    "tflite": _encode_tflite,
    "xnnpack": _encode_xnnpack,
    "ort": lambda y: lambda x: encode_float32(x, y),
}
_RECODERS: Mapping[str, Callable[[Quant, Quant], Callable[[IntArray], IntArray]]] = {
    "tflite": _bind_tflite,
    "xnnpack": _bind_xnnpack,
    "ort": lambda x, y: lambda codes: encode_float32(decode_float32(codes, x), y),
}


@dataclass(frozen=True, slots=True)
class Dequantize(Weightless):
    """Decode codes to float32."""

    kind: ClassVar[str] = "dequantize"
    shares_encoding: ClassVar[bool] = False

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        return (x,)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return inputs

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        quant = site.inputs[0].quant
        if quant is None or site.outputs[0].quant is not None:
            raise UnsupportedError(f"{site.name}: dequantize takes integers and makes float32")

        is_in_vectors = site.numerics.conversion == "vectors" and quant.bits <= 8
        convert = decode_vectors(quant) if is_in_vectors else quant.decode
        if site.numerics.quantize == "ort":  # Reals between ops are float32 there.
            convert = partial(decode_float32, quant=quant)

        def decode(x: Array) -> tuple[Array, ...]:
            return (convert(x),)

        return decode

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)
