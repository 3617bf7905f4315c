"""Compressed sparse columns: values, their rows, and where each column starts."""

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
class Csc:
    """Row and column-start indices take the narrowest of 8, 16 and 32 bits that fits.

    A column holds all weights of one activation, which can be skipped where that is zero (EIE, Han
    et al., 1602.01528, section 3). Kernels of this program walk rows: it is turned once.
    """

    name: str = "csc"
    shares_values: bool = False

    def pack(self, values: Array, bits: int) -> Packed:
        """See `Format.pack`."""
        rows, columns = values.shape
        at_column, at_row = np.nonzero(values.T)
        counts = np.bincount(at_column, minlength=columns)
        starts = np.concatenate(([0], np.cumsum(counts)))
        return Packed(
            shape=(rows, columns),
            bits=bits,
            dtype=values.dtype,
            arrays={
                "values": pack_values(values[at_row, at_column], bits),
                "rows": pack_unsigned(at_row, index_bits(rows - 1)),
                "starts": pack_unsigned(starts, index_bits(rows * columns)),
            },
        )

    def unpack(self, packed: Packed) -> Array:
        """See `Format.unpack`."""
        values, at_row, at_column = self._parts(packed)
        dense = np.zeros(packed.shape, values.dtype)
        dense[at_row, at_column] = values
        return dense

    def bind(self, packed: Packed) -> Product:
        """See `Format.bind`."""
        values, at_row, at_column = self._parts(packed)
        # A stable sort keeps columns in order within each row.
        order = np.argsort(at_row, kind="stable")
        stored, columns = values[order], at_column[order]
        counts = np.bincount(at_row, minlength=packed.shape[0])
        starts = np.concatenate(([0], np.cumsum(counts)))
        return bind_rows(self.unpack(packed), stored, columns, starts)

    def stored_per_row(self, packed: Packed) -> IntArray:
        """See `Format.stored_per_row`."""
        at_row, _ = self._places(packed)
        return np.bincount(at_row, minlength=packed.shape[0])

    def activation_reads(self, issued: int, lanes: int) -> int:
        """See `Format.activation_reads`; lanes walk rows, and each looks up its own."""
        del lanes
        return issued

    def _places(self, packed: Packed) -> tuple[IntArray, IntArray]:
        """Return the row and the column of each stored weight, column by column."""
        rows, columns = packed.shape
        starts = unpack_unsigned(packed.arrays["starts"], index_bits(rows * columns), columns + 1)
        counts = np.diff(starts)
        if starts[0] != 0 or counts.min(initial=0) < 0 or starts[-1] > rows * columns:
            raise FormatError(f"format {self.name}: starts of columns that do not rise from 0")
        at_row = unpack_unsigned(packed.arrays["rows"], index_bits(rows - 1), int(starts[-1]))
        at_column = np.repeat(np.arange(columns), counts)
        if at_row.max(initial=0) >= rows:
            raise FormatError(f"format {self.name}: row {at_row.max()} of a matrix of {rows}")
        if (np.diff(at_column * rows + at_row) <= 0).any():
            raise FormatError(f"format {self.name}: rows that do not rise within columns of {rows}")
        return at_row, at_column

    def _parts(self, packed: Packed) -> tuple[Array, IntArray, IntArray]:
        at_row, at_column = self._places(packed)
        values = unpack_values(packed.arrays["values"], packed.dtype, packed.bits, at_row.size)
        return values, at_row, at_column
