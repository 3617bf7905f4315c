"""Huffman storage: values as codes whose length follows how often they occur."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.formats._canonical import pack_coded, unpack_coded
from hwsim.formats._dense_product import bind_dense
from hwsim.formats._distinct import distinct_values
from hwsim.formats._format import Packed

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.formats._format import Product


@dataclass(frozen=True, slots=True)
class Huffman:
    """One canonical code over all values, zero among them: H <= bits per weight < H + 1.

    H is the entropy of the values, the table apart (Huffman, Proc. IRE 40, 1952). Rows start
    anywhere in the stream, so that it is decoded from its first bit on. Any matrix of at most
    65536 distinct values fits.
    """

    name: str = "huffman"
    shares_values: bool = True

    def pack(self, values: Array, bits: int) -> Packed:
        """See `Format.pack`."""
        rows, columns = values.shape
        return Packed(
            shape=(rows, columns),
            bits=bits,
            dtype=values.dtype,
            arrays=pack_coded(distinct_values(values, self.name), bits),
        )

    def unpack(self, packed: Packed) -> Array:
        """See `Format.unpack`."""
        rows, columns = packed.shape
        values = unpack_coded(packed.arrays, packed.dtype, packed.bits, rows * columns)
        return values.reshape(packed.shape)

    def bind(self, packed: Packed) -> Product:
        """See `Format.bind`."""
        return bind_dense(self.unpack(packed))

    def stored_per_row(self, packed: Packed) -> IntArray:
        """See `Format.stored_per_row`."""
        rows, columns = packed.shape
        return np.repeat(np.int64(columns), rows)

    def activation_reads(self, issued: int, lanes: int) -> int:
        """See `Format.activation_reads`; one serves all lanes."""
        return -(-issued // lanes)
