"""Codebook storage: each distinct value once, and an index into that table per weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.errors import FormatError
from hwsim.formats._bits import (
    pack_unsigned,
    pack_values,
    unpack_unsigned,
    unpack_values,
    widened,
    width_of,
)
from hwsim.formats._dense_product import bind_dense
from hwsim.formats._distinct import distinct_values
from hwsim.formats._format import Packed

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.formats._distinct import Distinct
    from hwsim.formats._format import Product


@dataclass(frozen=True, slots=True)
class Codebook:
    """k values as wide as a weight and ceil(log2 k) bits per weight (Han et al., 1510.00149, 3).

    Any matrix of at most 65536 distinct values fits; zeros take an index as others do.
    """

    name: str = "codebook"
    shares_values: bool = True

    def pack(self, values: Array, bits: int) -> Packed:
        """See `Format.pack`."""
        rows, columns = values.shape
        return Packed(
            shape=(rows, columns),
            bits=bits,
            dtype=values.dtype,
            arrays=pack_indexed(distinct_values(values, self.name), bits),
        )

    def unpack(self, packed: Packed) -> Array:
        """See `Format.unpack`."""
        rows, columns = packed.shape
        values = unpack_indexed(packed.arrays, packed.dtype, packed.bits, rows * columns)
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


def pack_indexed(distinct: Distinct, bits: int) -> dict[str, IntArray]:
    """Return `table` and `indices`, whose width is what their bytes leave for each."""
    count, size = distinct.indices.size, distinct.values.size
    width = widened((size - 1).bit_length(), count) if count else 0
    return {
        "table": pack_values(distinct.values, bits),
        "indices": pack_unsigned(distinct.indices, width),
    }


def unpack_indexed(
    arrays: dict[str, IntArray], dtype: np.dtype[Any], bits: int, count: int
) -> Array:
    """Invert `pack_indexed`: return `count` values of `dtype`.

    Raises:
        FormatError: The bytes are none that `pack_indexed` makes of that many values.
    """
    packed, indices = arrays["table"], arrays["indices"]
    # What fills up the last byte of the table may read as values more, which nothing points at.
    table = unpack_values(packed, dtype, bits, 8 * packed.size // bits)
    places = unpack_unsigned(indices, width_of(indices, count) if count else 0, count)
    if places.max(initial=-1) >= table.size:
        raise FormatError(f"index {places.max()} of a table of {table.size} values")
    return table[places]
