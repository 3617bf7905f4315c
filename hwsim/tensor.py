"""Tensors: what travels between ops, and the constants inside them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hwsim.formats import Dense

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, IntArray, Shape
    from hwsim.formats import Format, Packed
    from hwsim.numerics import Quant


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorType:
    """Shape and encoding of an activation; images lie as [batch, height, width, channels].

    Attributes:
        shape: All axes, batch included; every extent >= 1.
        quant: Per-tensor integer encoding; None for float32.
    """

    shape: Shape
    quant: Quant | None = None

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def bits(self) -> int:
        """Width of one element."""
        return 32 if self.quant is None else self.quant.bits

    @property
    def size_bytes(self) -> int:
        """Bytes in an arena."""
        return -(-self.elements * self.bits // 8)

    @property
    def dtype(self) -> str:
        """`float32`, `int8`, `uint8`, ..."""
        if self.quant is None:
            return "float32"
        return f"{'' if self.quant.signed else 'u'}int{self.quant.bits}"

    def __str__(self) -> str:
        """Return `int8[1, 49, 10, 1]`."""
        return f"{self.dtype}{list(self.shape)}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Weight:
    """A constant operand, as a device stores it.

    Attributes:
        codes: Output channels first: [out, kernel height, kernel width, in per group] for a
            convolution, [out, in] for a linear layer, [out] for a bias. float32 when `quant` is
            None, else integer codes.
        quant: Encoding of the codes, per tensor or per output channel (axis 0).
        format: How the matrix [out, rest] lies in memory.
    """

    codes: Array
    quant: Quant | None = None
    format: Format = field(default_factory=Dense)

    @property
    def shape(self) -> Shape:
        """Shape of `codes`."""
        return self.codes.shape

    @property
    def bits(self) -> int:
        """Width of one weight."""
        return 32 if self.quant is None else self.quant.bits

    @property
    def matrix(self) -> Array:
        """The codes as [out, rest]."""
        return self.codes.reshape(self.codes.shape[0], -1)

    @property
    def nonzero(self) -> Array:
        """Where the real value is not zero: bool [out, rest]."""
        return self.centred != 0

    @property
    def centred(self) -> IntArray:
        """Codes less their zero point, as [out, rest], in the narrowest type that holds them."""
        if self.quant is None or self.quant.is_symmetric:
            return self.matrix
        zero = np.asarray(self.quant.zero_point, np.int64).reshape(-1, 1)
        return (self.matrix.astype(np.int64) - zero).astype(np.int16)

    @cached_property
    def packed(self) -> Packed:
        """The bytes in this weight's format.

        Raises:
            FormatError: The pattern of zeros does not fit the format.
        """
        return self.format.pack(self.matrix, self.bits)

    @property
    def storage_bytes(self) -> int:
        """Length of the bytes really encoded, indices and tables included."""
        return self.packed.storage_bytes

    def real(self) -> FloatArray:
        """Return the real values, in the shape of `codes`."""
        if self.quant is None:
            return self.codes.astype(np.float64)
        return self.quant.decode(self.codes)

    def with_real(self, real: Array) -> Weight:
        """Return a weight of these real values in the same encoding and format."""
        codes = real.astype(np.float32) if self.quant is None else self.quant.encode(real)
        return replace(self, codes=codes)

    def masked(self, keep: Array) -> Weight:
        """Return this weight with the real value 0 wherever `keep` [of codes' shape] is False."""
        if self.quant is None:
            return replace(self, codes=np.where(keep, self.codes, np.float32(0)))
        shape = (-1,) + (1,) * (self.codes.ndim - 1)
        zero = np.asarray(self.quant.zero_point, self.codes.dtype).reshape(shape)
        return replace(self, codes=np.where(keep, self.codes, zero))

    def take(self, indices: IntArray, axis: int) -> Weight:
        """Return the weight with only `indices` along `axis`."""
        quant = self.quant
        if quant is not None and quant.axis == axis:
            quant = quant.take(indices)
        return replace(self, codes=np.take(self.codes, indices, axis=axis), quant=quant)
