"""What an integer code means: real = scale * (code - zero_point)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, IntArray, Shape

# Codes of more bits than a float64 mantissa are clipped to the largest float64 below their end.
_EXACT_BITS = 53


@dataclass(frozen=True, slots=True, kw_only=True)
class Quant:
    """An affine integer encoding, per tensor, per channel or per group of a channel's weights.

    Attributes:
        scale: Real value of one code step, each > 0; one, or one per index of `axis`; with groups,
            one per group, those of an index side by side.
        zero_point: The code that means exactly 0.0; as many as scales.
        axis: The channel axis of a per-channel encoding; None when per tensor.
        bits: Width of one code, 1..64.
        signed: Whether codes are two's complement.
        group: How many neighbours of the matrix [out, rest] share a scale, the last group of a row
            being what is left; None where all of an index do. Needs axis 0.
        scale_bits: Width in which a group's scale is stored: 16 (float16) or 32 (float32).
        is_bipolar: Whether the one bit of a code is a sign: codes are -1 and +1, and no code means
            0.0 (QONNX's BipolarQuant). Needs 1 signed bit and zero point 0.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...] = (0,)
    axis: int | None = None
    bits: int = 8
    signed: bool = True
    group: int | None = None
    scale_bits: int = 32
    is_bipolar: bool = False

    def __post_init__(self) -> None:
        """Refuse signs of another width, or about another centre.

        Raises:
            ValueError: They are.
        """
        if self.is_bipolar and (self.bits != 1 or not self.signed or any(self.zero_point)):
            raise ValueError(
                f"bipolar codes are signed, of 1 bit and about 0, got bits={self.bits}, "
                f"signed={self.signed}, zero_point={self.zero_point}"
            )

    @property
    def name(self) -> str:
        """`int8`, `uint8`, ..., or `bipolar` for signs."""
        return "bipolar" if self.is_bipolar else f"{'' if self.signed else 'u'}int{self.bits}"

    @property
    def low(self) -> int:
        """Smallest code."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest code."""
        if self.is_bipolar:
            return 1
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    @property
    def dtype(self) -> np.dtype[np.integer]:
        """The narrowest NumPy integer type that holds a code."""
        width = next(width for width in (8, 16, 32, 64) if self.bits <= width)
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
        """Return clip(rint(real / scale) + zero_point), ties to even, in float64.

        Bipolar codes are signs, that of 0 being +1 (Hubara et al., arXiv 1602.02830, equation 1).
        """
        if self.is_bipolar:
            return np.where(np.asarray(real) >= 0, np.int8(1), np.int8(-1))
        scale, zero_point = self.spread(real.shape)
        codes = np.rint(np.asarray(real, np.float64) / scale) + zero_point
        high = float(self.high)
        if self.bits > _EXACT_BITS:
            high = float(np.nextafter(high, 0.0))
        return np.clip(codes, self.low, high).astype(self.dtype)

    def decode(self, codes: IntArray) -> FloatArray:
        """Return the reals that `codes` stand for, in float64."""
        scale, zero_point = self.spread(codes.shape)
        return (codes.astype(np.float64) - zero_point) * scale

    def spread(self, shape: Shape) -> tuple[FloatArray, FloatArray]:
        """Return scale and zero point, shaped to broadcast over an array of this shape."""
        scale, zero = np.asarray(self.scale, np.float64), np.asarray(self.zero_point, np.float64)
        if self.group is not None:
            return self._ungrouped(scale, shape), self._ungrouped(zero, shape)
        along = tuple(-1 if axis == self.axis else 1 for axis in range(len(shape)))
        return scale.reshape(along), zero.reshape(along)

    def _ungrouped(self, per_group: FloatArray, shape: Shape) -> FloatArray:
        """Return one value per element of [out, ...], given one per group."""
        columns = math.prod(shape[1:])
        spread = np.repeat(per_group.reshape(shape[0], -1), self.group or 1, axis=1)
        return spread[:, :columns].reshape(shape)
