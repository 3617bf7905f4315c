"""Compressed sparse rows: values, their columns, and where each row starts."""

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
from hwsim.formats._row_product import bind_rows

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.formats._format import Product


@dataclass(frozen=True, slots=True)
class Csr:
    """Column and row-start indices take the narrowest of 8, 16 and 32 bits that fits."""

    name: str = "csr"
    shares_values: bool = False

    def pack(self, values: Array, bits: int) -> Packed:
        """See `Format.pack`."""
        rows, columns = values.shape
        at_row, at_column = np.nonzero(values)
        counts = np.bincount(at_row, minlength=rows)
        starts = np.concatenate(([0], np.cumsum(counts)))
        return Packed(
            shape=(rows, columns),
            bits=bits,
            dtype=values.dtype,
            arrays={
                "values": pack_values(values[at_row, at_column], bits),
                "columns": pack_unsigned(at_column, index_bits(columns - 1)),
                "starts": pack_unsigned(starts, index_bits(rows * columns)),
            },
        )

    def unpack(self, packed: Packed) -> Array:
        """See `Format.unpack`."""
        values, columns, starts = _parts(packed)
        dense = np.zeros(packed.shape, values.dtype)
        dense[np.repeat(np.arange(packed.shape[0]), np.diff(starts)), columns] = values
        return dense

    def bind(self, packed: Packed) -> Product:
        """See `Format.bind`."""
        values, columns, starts = _parts(packed)
        return bind_rows(self.unpack(packed), values, columns, starts)

    def stored_per_row(self, packed: Packed) -> IntArray:
        """See `Format.stored_per_row`."""
        return np.diff(_parts(packed)[2])

    def activation_reads(self, issued: int, lanes: int) -> int:
        """See `Format.activation_reads`; each lane looks up its own."""
        del lanes
        return issued


def _parts(packed: Packed) -> tuple[Array, IntArray, IntArray]:
    rows, columns = packed.shape
    starts = unpack_unsigned(packed.arrays["starts"], index_bits(rows * columns), rows + 1)
    count, per_row = int(starts[-1]), np.diff(starts)
    if starts[0] != 0 or per_row.min(initial=0) < 0 or count > rows * columns:
        raise FormatError("format csr: starts of rows that do not rise from 0")
    places = unpack_unsigned(packed.arrays["columns"], index_bits(columns - 1), count)
    numbers = np.repeat(np.arange(rows), per_row) * columns + places
    if places.max(initial=0) >= columns or (np.diff(numbers) <= 0).any():
        raise FormatError(f"format csr: columns that do not rise within rows of {columns}")
    values = unpack_values(packed.arrays["values"], packed.dtype, packed.bits, count)
    return values, places, starts
