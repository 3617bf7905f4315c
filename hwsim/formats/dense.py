"""Dense row-major storage, packed to the width of a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.formats._bits import pack_values, unpack_values
from hwsim.formats._format import Packed
from hwsim.kernels.gemm import dense_matmul

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.formats._format import Product


@dataclass(frozen=True, slots=True)
class Dense:
    """Every value stored, row by row; two 4-bit values share a byte."""

    name: str = "dense"
    shares_values: bool = False

    def pack(self, values: Array, bits: int) -> Packed:
        """See `Format.pack`."""
        rows, columns = values.shape
        return Packed(
            shape=(rows, columns),
            bits=bits,
            dtype=values.dtype,
            arrays={"values": pack_values(values, bits)},
        )

    def unpack(self, packed: Packed) -> Array:
        """See `Format.unpack`."""
        rows, columns = packed.shape
        values = unpack_values(packed.arrays["values"], packed.dtype, packed.bits, rows * columns)
        return values.reshape(packed.shape)

    def bind(self, packed: Packed) -> Product:
        """See `Format.bind`."""
        weights = self.unpack(packed)

        def product(x: IntArray) -> IntArray:
            out = np.empty((x.shape[0], packed.shape[0]), np.int32)
            dense_matmul(np.ascontiguousarray(x), weights, out)
            return out

        return product

    def stored_per_row(self, packed: Packed) -> IntArray:
        """See `Format.stored_per_row`."""
        rows, columns = packed.shape
        return np.repeat(np.int64(columns), rows)

    def activation_reads(self, issued: int, lanes: int) -> int:
        """See `Format.activation_reads`; one serves all lanes."""
        return -(-issued // lanes)
