"""Bitmask storage: one presence bit per weight, and the non-zero values in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.formats._bits import pack_values, unpack_values
from hwsim.formats._format import Packed
from hwsim.kernels.sparse import bitmask_matmul

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.formats._format import Product


@dataclass(frozen=True, slots=True)
class Bitmask:
    """Each row's mask starts on a byte of its own, so that rows can be found."""

    name: str = "bitmask"

    def pack(self, values: Array, bits: int) -> Packed:
        """See `Format.pack`."""
        rows, columns = values.shape
        mask = np.packbits(values != 0, axis=1, bitorder="little")
        return Packed(
            shape=(rows, columns),
            bits=bits,
            dtype=values.dtype,
            arrays={"values": pack_values(values[values != 0], bits), "mask": mask},
        )

    def unpack(self, packed: Packed) -> Array:
        """See `Format.unpack`."""
        present = np.unpackbits(
            packed.arrays["mask"], axis=1, count=packed.shape[1], bitorder="little"
        ).astype(bool)
        values = unpack_values(
            packed.arrays["values"], packed.dtype, packed.bits, int(present.sum())
        )
        dense = np.zeros(packed.shape, values.dtype)
        dense[present] = values
        return dense

    def bind(self, packed: Packed) -> Product:
        """See `Format.bind`."""
        mask, stored = packed.arrays["mask"], int(self.stored_per_row(packed).sum())
        values = unpack_values(packed.arrays["values"], packed.dtype, packed.bits, stored)

        def product(x: IntArray) -> IntArray:
            out = np.empty((x.shape[0], packed.shape[0]), np.int32)
            bitmask_matmul(np.ascontiguousarray(x), values, mask, out)
            return out

        return product

    def stored_per_row(self, packed: Packed) -> IntArray:
        """See `Format.stored_per_row`."""
        return np.bitwise_count(packed.arrays["mask"]).sum(axis=1, dtype=np.int64)

    def activation_reads(self, issued: int, lanes: int) -> int:
        """See `Format.activation_reads`; each lane looks up its own."""
        del lanes
        return issued
