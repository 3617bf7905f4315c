"""What an integer code means: real = scale * (code - zero_point)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Quant:
    """An affine integer encoding, per tensor or per channel.

    Attributes:
        scale: Real value of one code step, each > 0; one, or one per index of `axis`.
        zero_point: The code that means exactly 0.0; as many as scales.
        axis: The channel axis of a per-channel encoding; None when per tensor.
        bits: Width of one code, 1..32.
        signed: Whether codes are two's complement.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...] = (0,)
    axis: int | None = None
    bits: int = 8
    signed: bool = True

    @property
    def low(self) -> int:
        """Smallest code."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest code."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    @property
    def dtype(self) -> np.dtype[np.integer]:
        """The narrowest NumPy integer type that holds a code."""
        width = next(width for width in (8, 16, 32) if self.bits <= width)
        return np.dtype(f"{'' if self.signed else 'u'}int{width}")

    @property
    def is_symmetric(self) -> bool:
        """Whether zero is the code 0 in every channel."""
        return not any(self.zero_point)

    def take(self, indices: IntArray) -> Quant:
        """Return the encoding of the channels `indices`; a per-tensor one stays as it is."""
        if self.axis is None:
            return self
        kept: list[int] = indices.tolist()
        return replace(
            self,
            scale=tuple(self.scale[i] for i in kept),
            zero_point=tuple(self.zero_point[i] for i in kept),
        )

    def encode(self, real: Array) -> IntArray:
        """Return clip(rint(real / scale) + zero_point), ties to even, in float64."""
        scale, zero_point = self._broadcast(real.ndim)
        codes = np.rint(np.asarray(real, np.float64) / scale) + zero_point
        return np.clip(codes, self.low, self.high).astype(self.dtype)

    def decode(self, codes: IntArray) -> FloatArray:
        """Return the reals that `codes` stand for, in float64."""
        scale, zero_point = self._broadcast(codes.ndim)
        return (codes.astype(np.float64) - zero_point) * scale

    def _broadcast(self, ndim: int) -> tuple[FloatArray, FloatArray]:
        """Return scale and zero point, shaped to broadcast along `axis` of `ndim` axes."""
        shape = tuple(-1 if axis == self.axis else 1 for axis in range(ndim))
        scale = np.asarray(self.scale, np.float64).reshape(shape)
        return scale, np.asarray(self.zero_point, np.float64).reshape(shape)
