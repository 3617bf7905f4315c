"""Tensors: what travels between ops, and the constants inside them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import FormatError
from hwsim.formats import Dense, Signs

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
        return self.stored_bytes(32)

    def stored_bytes(self, real_bits: int) -> int:
        """Return bytes in an arena where reals are kept in `real_bits`."""
        bits = real_bits if self.quant is None else self.bits
        return -(-self.elements * bits // 8)

    @property
    def dtype(self) -> str:
        """`float32`, `int8`, `uint8`, ..., or `bipolar` for signs."""
        return "float32" if self.quant is None else self.quant.name

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
        is_decoded: Whether a layer between reals multiplies the reals that integer codes mean
            (weight-only quantization); if not, it quantizes its inputs (dynamic range).
    """

    codes: Array
    quant: Quant | None = None
    format: Format = field(default_factory=Dense)
    is_decoded: bool = False

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
    def nonzeros(self) -> int:
        """How many real values are not zero."""
        if self.codes.size and not any(self.codes.strides):
            # One number stands for all of a weight that is priced and never run.
            return self.codes.size if self.codes.flat[0] != self._zero else 0
        return int(np.count_nonzero(self.nonzero))

    @property
    def _zero(self) -> int:
        return 0 if self.quant is None else self.quant.zero_point[0]

    @property
    def centred(self) -> IntArray:
        """Codes less their zero point, as [out, rest], in the narrowest type that holds them."""
        if self.quant is None or self.quant.is_symmetric:
            return self.matrix
        _, zero = self.quant.spread(self.codes.shape)
        centred = self.codes.astype(np.int64) - zero.astype(np.int64)
        return centred.astype(np.int16).reshape(self.matrix.shape)

    @cached_property
    def packed(self) -> Packed:
        """The bytes in this weight's format.

        Raises:
            FormatError: The pattern of zeros does not fit the format, or signs lie in another than
                `signs`.
        """
        if self.quant is not None and self.quant.is_bipolar and not isinstance(self.format, Signs):
            raise FormatError(
                f"format {self.format.name}: one bit cannot hold the codes -1 and +1 there; "
                "expected format signs for bipolar weights"
            )
        return self.format.pack(self.matrix, self.bits)

    @property
    def storage_bytes(self) -> int:
        """Length of the bytes really encoded: indices, tables and scales of groups included."""
        is_bipolar = self.quant is not None and self.quant.is_bipolar
        if isinstance(self.format, Dense) and not is_bipolar:
            # Known without packing: the tables of a large network need not be filled.
            return -(-self.codes.size * self.bits // 8) + self._group_bytes
        return self.packed.storage_bytes + self._group_bytes

    def stored_bytes(self, real_bits: int) -> int:
        """Return `storage_bytes` where reals are kept in `real_bits`."""
        if self.quant is not None or real_bits == self.bits or self.format.shares_values:
            return self.storage_bytes
        if isinstance(self.format, Dense):
            return -(-self.codes.size * real_bits // 8)
        values = int(self.format.stored_per_row(self.packed).sum())
        return self.storage_bytes - values * (self.bits - real_bits) // 8

    @property
    def entropy_bits(self) -> float:
        """Bits of all codes by Shannon's entropy: what coding one by one cannot go below.

        Shannon, "A Mathematical Theory of Communication", 1948, theorem 9; integers only.
        """
        codes = self.codes.ravel().astype(np.int64)
        found = np.bincount(codes - codes.min())
        found = found[found > 0]
        return float(found @ np.log2(codes.size / found))

    @property
    def _group_bytes(self) -> int:
        """Bytes of what each group keeps: its scale, and its zero point where there is one."""
        quant = self.quant
        if quant is None or quant.group is None:
            return 0
        zero_bits = 0 if quant.is_symmetric else quant.bits
        return -(-len(quant.scale) * (quant.scale_bits + zero_bits) // 8)

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
        zero = self.quant.spread(self.codes.shape)[1].astype(self.codes.dtype)
        return replace(self, codes=np.where(keep, self.codes, zero))

    def take(self, indices: IntArray, axis: int) -> Weight:
        """Return the weight with only `indices` along `axis`.

        Raises:
            FormatError: Groups that share a scale would lose elements.
        """
        quant = self.quant
        if quant is not None and quant.group is not None:
            if axis != 0:
                raise FormatError(
                    f"weights with a scale per group of {quant.group} cannot lose columns; "
                    "prune before quantize"
                )
            per_row: int = len(quant.scale) // self.codes.shape[0]
            within = np.arange(per_row, dtype=np.int64)
            quant = quant.take(np.add.outer(indices * per_row, within).reshape(-1))
        elif quant is not None and quant.axis == axis:
            quant = quant.take(indices)
        return replace(self, codes=np.take(self.codes, indices, axis=axis), quant=quant)
