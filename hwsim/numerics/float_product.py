"""Roundings of a product of reals, x * M.

* float32_even: rint(f32(x) * f32(M)); ties go to even (XNNPACK, ONNX Runtime, fbgemm).
* float32_added: rint(f32(x) * f32(M) + zero point), where float32 rounds the sum before; codes
  count from the lowest of their type (ONNX Runtime's elementwise product).
* float32_trunc: f32(x) * f32(M) cut toward zero (TinyEngine).
* float64_away: round-half-away(f64(x) * M) (LiteRT's reference fully connected).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from hwsim.jit import kernel
from hwsim.numerics.requantize import Multipliers, Rounding, bind_kernel

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, IntArray
    from hwsim.numerics.requantize import Kernel, Requantizer, Target


@kernel
def _float32_even(
    accumulators: IntArray, scale: Array, unused: IntArray, target: IntArray, out: IntArray
) -> None:
    zero_point = target[0]
    low = np.float32(target[1] - zero_point)
    high = np.float32(target[2] - zero_point)
    rows, channels = accumulators.shape
    for i in range(rows):
        for c in range(channels):
            y = np.float32(accumulators[i, c]) * scale[c]
            y = min(max(y, low), high)
            out[i, c] = np.int64(np.rint(y)) + zero_point


@kernel
def _float32_added(
    accumulators: IntArray, scale: Array, unused: IntArray, target: IntArray, out: IntArray
) -> None:
    zero_point, low, high = np.float32(target[0]), target[1], target[2]
    rows, channels = accumulators.shape
    for i in range(rows):
        for c in range(channels):
            y = np.rint(np.float32(accumulators[i, c]) * scale[c] + zero_point)
            # x86 makes the smallest int32 of what no int32 holds.
            whole = np.int64(y) if abs(y) < 2147483648.0 else np.int64(low)
            out[i, c] = min(max(whole, low), high)


@kernel
def _float32_trunc(
    accumulators: IntArray, scale: Array, unused: IntArray, target: IntArray, out: IntArray
) -> None:
    zero_point, low, high = target[0], target[1], target[2]
    rows, channels = accumulators.shape
    for i in range(rows):
        for c in range(channels):
            y = np.float64(np.trunc(np.float32(accumulators[i, c]) * scale[c]))
            y = min(max(y, -2147483648.0), 2147483647.0)
            out[i, c] = min(max(np.int64(y) + zero_point, low), high)


@kernel
def _float64_away(
    accumulators: IntArray, scale: FloatArray, unused: IntArray, target: IntArray, out: IntArray
) -> None:
    zero_point, low, high = target[0], target[1], target[2]
    rows, channels = accumulators.shape
    for i in range(rows):
        for c in range(channels):
            real = np.float64(accumulators[i, c]) * scale[c]
            whole = np.trunc(real)
            if abs(real - whole) >= 0.5:
                whole += 1.0 if real > 0 else -1.0
            whole = min(max(whole, -2147483648.0), 2147483647.0)
            out[i, c] = min(max(np.int64(whole) + zero_point, low), high)


class _RealProduct(Rounding, Protocol):
    """A rounding by real multipliers: the base of those below."""

    @property
    def rows(self) -> Kernel:
        """The compiled loop over rows of channels; see `bind_kernel`."""
        ...

    def bind(
        self, input_scale: float, weight_scale: Array, output_scale: float, target: Target
    ) -> Requantizer:
        """See `Rounding.bind`."""
        scales = self.multipliers(input_scale, weight_scale, output_scale)
        return bind_kernel(self.rows, scales.values, scales.exponents, target)


@dataclass(frozen=True, slots=True)
class Float32Even(_RealProduct):
    """A float32 product, rounded to even."""

    name: ClassVar[str] = "float32_even"

    @property
    def rows(self) -> Kernel:
        """See `_RealProduct.rows`."""
        return _float32_even

    def multipliers(
        self, input_scale: float, weight_scale: Array, output_scale: float
    ) -> Multipliers:
        """See `Rounding.multipliers`; values are M, computed in float32."""
        product = np.float32(input_scale) * weight_scale.astype(np.float32)
        return _real_multipliers(product / np.float32(output_scale))


@dataclass(frozen=True, slots=True)
class Float32Added(_RealProduct):
    """A float32 product to which the zero point is added before it is rounded to even."""

    name: ClassVar[str] = "float32_added"

    @property
    def rows(self) -> Kernel:
        """See `_RealProduct.rows`."""
        return _float32_added

    def multipliers(
        self, input_scale: float, weight_scale: Array, output_scale: float
    ) -> Multipliers:
        """See `Rounding.multipliers`; values are M, computed in float32."""
        return Float32Even().multipliers(input_scale, weight_scale, output_scale)

    def bind(
        self, input_scale: float, weight_scale: Array, output_scale: float, target: Target
    ) -> Requantizer:
        """See `Rounding.bind`."""
        lowest = int(np.iinfo(target.dtype).min)
        raised = replace(
            target,
            zero_point=target.zero_point - lowest,
            low=target.low - lowest,
            high=target.high - lowest,
            dtype=np.dtype(np.int16),
        )
        scales = self.multipliers(input_scale, weight_scale, output_scale)
        requantize = bind_kernel(self.rows, scales.values, scales.exponents, raised)
        return lambda accumulators: (requantize(accumulators) + lowest).astype(target.dtype)


@dataclass(frozen=True, slots=True)
class Float32Trunc(_RealProduct):
    """A float32 product, cut toward zero."""

    name: ClassVar[str] = "float32_trunc"

    @property
    def rows(self) -> Kernel:
        """See `_RealProduct.rows`."""
        return _float32_trunc

    def multipliers(
        self, input_scale: float, weight_scale: Array, output_scale: float
    ) -> Multipliers:
        """See `Rounding.multipliers`; values are M, computed in float64 by the converter."""
        product = np.float64(input_scale) * weight_scale.astype(np.float64)
        return _real_multipliers((product / output_scale).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Float64Away(_RealProduct):
    """A float64 product, halves rounded away from zero."""

    name: ClassVar[str] = "float64_away"

    @property
    def rows(self) -> Kernel:
        """See `_RealProduct.rows`."""
        return _float64_away

    def multipliers(
        self, input_scale: float, weight_scale: Array, output_scale: float
    ) -> Multipliers:
        """See `Rounding.multipliers`; values are M in float64."""
        product = np.float64(input_scale) * weight_scale.astype(np.float64)
        return _real_multipliers(product / output_scale)


def _real_multipliers(scale: Array) -> Multipliers:
    return Multipliers(values=scale, exponents=np.zeros(scale.shape, np.int32))
