"""Block compressed sparse rows: whole blocks of values, their places, where each row starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import FormatError
from hwsim.formats._bits import (
    index_bits,
    pack_unsigned,
    pack_values,
    unpack_unsigned,
    unpack_values,
)
from hwsim.formats._format import Packed
from hwsim.kernels.block import block_matmul
from hwsim.kernels.fast_product import stored_product

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.formats._format import Product


@dataclass(frozen=True, slots=True)
class Block:
    """BCSR: every block that is not all zeros is stored whole, its zeros included.

    Blocks at the right and lower edge end where the matrix does; nothing is stored beyond. Places
    and row starts count blocks and take the narrowest of 8, 16 and 32 bits that fits (Saad,
    "Iterative Methods for Sparse Linear Systems", 2003, section 3.4).

    Attributes:
        rows: Of a block, 1..256.
        columns: Of a block, 1..256.
    """

    rows: int
    columns: int
    shares_values: bool = False

    @property
    def name(self) -> str:
        """`bsr4x4`: rows, then columns."""
        return f"bsr{self.rows}x{self.columns}"

    def pack(self, values: Array, bits: int) -> Packed:
        """See `Format.pack`."""
        tiles = self._tiled(values)
        kept = (tiles != 0).any(axis=(2, 3))
        row, place = np.nonzero(kept)
        starts = np.concatenate(([0], np.cumsum(kept.sum(axis=1))))
        inside = self._tiled(np.ones(values.shape, bool))[row, place]
        return Packed(
            shape=(values.shape[0], values.shape[1]),
            bits=bits,
            dtype=values.dtype,
            arrays={
                "values": pack_values(tiles[row, place][inside], bits),
                "places": pack_unsigned(place, index_bits(kept.shape[1] - 1)),
                "starts": pack_unsigned(starts, index_bits(kept.size)),
            },
        )

    def unpack(self, packed: Packed) -> Array:
        """See `Format.unpack`."""
        values, places, starts = self._parts(packed)
        tiles = self._tiled(np.zeros(packed.shape, values.dtype))
        row = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        inside = self._tiled(np.ones(packed.shape, bool))[row, places]
        stored = np.zeros(inside.shape, values.dtype)
        stored[inside] = values
        tiles[row, places] = stored
        matrix = tiles.transpose(0, 2, 1, 3).reshape(tiles.shape[0] * self.rows, -1)
        return np.ascontiguousarray(matrix[: packed.shape[0], : packed.shape[1]])

    def bind(self, packed: Packed) -> Product:
        """See `Format.bind`."""
        values, places, starts = self._parts(packed)
        block = (self.rows, self.columns)

        def product(x: IntArray) -> IntArray:
            out = np.empty((x.shape[0], packed.shape[0]), np.int32)
            block_matmul(np.ascontiguousarray(x), values, places, starts, block, out)
            return out

        return stored_product(self.unpack(packed), product)

    def stored_per_row(self, packed: Packed) -> IntArray:
        """See `Format.stored_per_row`; every row of a block is as long."""
        places, starts = self._places(packed)
        left = places * self.columns
        widths = np.minimum(left + self.columns, packed.shape[1]) - left
        totals = np.diff(np.concatenate(([0], np.cumsum(widths)))[starts])
        return np.repeat(totals, self.rows)[: packed.shape[0]]

    def activation_reads(self, issued: int, lanes: int) -> int:
        """See `Format.activation_reads`; lanes in the same row of blocks share what they read."""
        return -(-issued * -(-lanes // self.rows) // lanes)

    def _tiled(self, values: Array) -> Array:
        """Return [block rows, block columns, rows, columns], filled up with zeros at the edges."""
        rows, columns = values.shape
        filled = np.pad(values, ((0, -rows % self.rows), (0, -columns % self.columns)))
        tiles = filled.reshape(-(-rows // self.rows), self.rows, -1, self.columns)
        return tiles.transpose(0, 2, 1, 3)

    def _places(self, packed: Packed) -> tuple[IntArray, IntArray]:
        """Return the columns of the stored blocks, and where each row of blocks starts."""
        high, wide = -(-packed.shape[0] // self.rows), -(-packed.shape[1] // self.columns)
        starts = unpack_unsigned(packed.arrays["starts"], index_bits(high * wide), high + 1)
        per_row = np.diff(starts)
        if starts[0] != 0 or per_row.min(initial=0) < 0 or starts[-1] > high * wide:
            raise FormatError(f"format {self.name}: starts of rows that do not rise from 0")
        places = unpack_unsigned(packed.arrays["places"], index_bits(wide - 1), int(starts[-1]))
        numbers = np.repeat(np.arange(high), per_row) * wide + places
        if places.max(initial=0) >= wide or (np.diff(numbers) <= 0).any():
            raise FormatError(f"format {self.name}: blocks do not follow one another along rows")
        return places, starts

    def _parts(self, packed: Packed) -> tuple[Array, IntArray, IntArray]:
        places, starts = self._places(packed)
        stored = int(self.stored_per_row(packed).sum())
        values = unpack_values(packed.arrays["values"], packed.dtype, packed.bits, stored)
        return values, places, starts
