"""Bitmask storage: one presence bit per weight, and the non-zero values in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.formats._bits import pack_values, unpack_values
from hwsim.formats._format import Packed
from hwsim.kernels.fast_product import stored_product
from hwsim.kernels.sparse import bitmask_matmul

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.formats._format import Product


@dataclass(frozen=True, slots=True)
class Bitmask:
    """Each row's mask starts on a byte of its own, so that rows can be found."""

    name: str = "bitmask"
    shares_values: bool = False

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
            _mask(packed), axis=1, count=packed.shape[1], bitorder="little"
        ).astype(bool)
        values = unpack_values(
            packed.arrays["values"], packed.dtype, packed.bits, int(present.sum())
        )
        dense = np.zeros(packed.shape, values.dtype)
        dense[present] = values
        return dense

    def bind(self, packed: Packed) -> Product:
        """See `Format.bind`."""
        mask, stored = _mask(packed), int(self.stored_per_row(packed).sum())
        values = unpack_values(packed.arrays["values"], packed.dtype, packed.bits, stored)

        def product(x: IntArray) -> IntArray:
            out = np.empty((x.shape[0], packed.shape[0]), np.int32)
            bitmask_matmul(np.ascontiguousarray(x), values, mask, out)
            return out

        return stored_product(self.unpack(packed), product)

    def stored_per_row(self, packed: Packed) -> IntArray:
        """See `Format.stored_per_row`."""
        return np.bitwise_count(_mask(packed)).sum(axis=1, dtype=np.int64)

    def activation_reads(self, issued: int, lanes: int) -> int:
        """See `Format.activation_reads`; each lane looks up its own."""
        del lanes
        return issued


def _mask(packed: Packed) -> IntArray:
    """Return the bytes of the mask, row by row."""
    return packed.arrays["mask"].reshape(packed.shape[0], -(-packed.shape[1] // 8))
