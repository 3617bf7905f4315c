"""Relative indices: each stored weight with the number of zeros before it, in a few bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

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
from hwsim.formats._canonical import pack_coded, unpack_coded
from hwsim.formats._distinct import distinct_values
from hwsim.formats._format import Packed
from hwsim.formats.codebook import pack_indexed, unpack_indexed
from hwsim.kernels.sparse import csr_matmul

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.formats._format import Product

Coding: TypeAlias = Literal["plain", "codebook", "huffman"]
"""How the stored weights are written: as they are, as indices of a table, or both streams coded."""

_GAP_TYPE = np.dtype(np.uint8)
_GAP_PREFIX = "gap_"


@dataclass(frozen=True, slots=True)
class Relative:
    """Stored weights of a row in order, and zeros skipped before each (Han et al., 1602.01528, 3).

    Where more zeros lie between two weights than a gap can say, a filler is stored: a zero with
    the largest gap, which kernels walk as any other. EIE orders weights by columns, to broadcast
    one activation to all of its elements; here rows are kept whole, as kernels walk them, and
    start anew, so that one row can be read without the one before. After Deep Compression (Han et
    al., 1510.00149, 2-4), weights may be indices of a codebook, or weights and gaps both be
    Huffman codes.

    Attributes:
        index_bits: Width of a gap, 4 or 8.
        coding: How the weights are written.
    """

    index_bits: int
    coding: Coding = "plain"

    @property
    def name(self) -> str:
        """`relative4`, `relative4_huffman`, ..."""
        return f"relative{self.index_bits}" + ("" if self.coding == "plain" else f"_{self.coding}")

    @property
    def shares_values(self) -> bool:
        """See `Format.shares_values`."""
        return self.coding != "plain"

    def pack(self, values: Array, bits: int) -> Packed:
        """See `Format.pack`."""
        rows, columns = values.shape
        stored, gaps, counts = _entries(values, 1 << self.index_bits)
        width = widened(int(counts.max(initial=0)).bit_length(), rows)
        arrays = self._pack_streams(stored, gaps, bits)
        return Packed(
            shape=(rows, columns),
            bits=bits,
            dtype=values.dtype,
            arrays=arrays | {"counts": pack_unsigned(counts, width)},
        )

    def _pack_streams(self, stored: Array, gaps: IntArray, bits: int) -> dict[str, IntArray]:
        if self.coding == "huffman":
            coded = pack_coded(distinct_values(gaps.astype(_GAP_TYPE), self.name), self.index_bits)
            named = {_GAP_PREFIX + key: array for key, array in coded.items()}
            return pack_coded(distinct_values(stored, self.name), bits) | named
        packed_gaps = {"gaps": pack_unsigned(gaps, self.index_bits)}
        if self.coding == "codebook":
            return pack_indexed(distinct_values(stored, self.name), bits) | packed_gaps
        return {"values": pack_values(stored, bits)} | packed_gaps

    def unpack(self, packed: Packed) -> Array:
        """See `Format.unpack`."""
        stored, columns, starts = self._parts(packed)
        dense = np.zeros(packed.shape, stored.dtype)
        dense[np.repeat(np.arange(packed.shape[0]), np.diff(starts)), columns] = stored
        return dense

    def bind(self, packed: Packed) -> Product:
        """See `Format.bind`."""
        stored, columns, starts = self._parts(packed)

        def product(x: IntArray) -> IntArray:
            out = np.empty((x.shape[0], packed.shape[0]), np.int32)
            csr_matmul(np.ascontiguousarray(x), stored, columns, starts, out)
            return out

        return product

    def stored_per_row(self, packed: Packed) -> IntArray:
        """See `Format.stored_per_row`; fillers are walked too."""
        rows, columns = packed.shape
        packed_counts = packed.arrays["counts"]
        counts = unpack_unsigned(packed_counts, width_of(packed_counts, rows), rows)
        if counts.max(initial=0) > columns:
            raise FormatError(f"{counts.max()} weights in a row of {columns}")
        return counts

    def activation_reads(self, issued: int, lanes: int) -> int:
        """See `Format.activation_reads`; each lane looks up its own."""
        del lanes
        return issued

    def _parts(self, packed: Packed) -> tuple[Array, IntArray, IntArray]:
        """Return weights, fillers among them, their columns, and where each row starts."""
        counts = self.stored_per_row(packed)
        starts = np.concatenate(([0], np.cumsum(counts)))
        total = int(starts[-1])
        gaps = self._gaps(packed, total)
        # Within a row, columns count on from -1; over all rows, so does a running sum.
        ends = np.concatenate(([0], np.cumsum(gaps + 1)))
        columns = ends[1:] - np.repeat(ends[starts[:-1]], counts) - 1
        if columns.max(initial=0) >= packed.shape[1]:
            raise FormatError(f"column {columns.max()} in a row of {packed.shape[1]}")
        return self._stored(packed, total), columns, starts

    def _gaps(self, packed: Packed, total: int) -> IntArray:
        arrays = packed.arrays
        if self.coding != "huffman":
            return unpack_unsigned(arrays["gaps"], self.index_bits, total)
        coded = {key.removeprefix(_GAP_PREFIX): arrays[key] for key in arrays if key in _GAPS_CODED}
        return unpack_coded(coded, _GAP_TYPE, self.index_bits, total).astype(np.int64)

    def _stored(self, packed: Packed, total: int) -> Array:
        arrays, dtype, bits = packed.arrays, packed.dtype, packed.bits
        if self.coding == "huffman":
            return unpack_coded(arrays, dtype, bits, total)
        if self.coding == "codebook":
            return unpack_indexed(arrays, dtype, bits, total)
        return unpack_values(arrays["values"], dtype, bits, total)


_GAPS_CODED = tuple(_GAP_PREFIX + key for key in ("table", "lengths", "stream"))


def _entries(values: Array, span: int) -> tuple[Array, IntArray, IntArray]:
    """Return what is stored row by row, zeros before each, and how much of it each row has.

    A filler takes the place of `span` zeros: span - 1 before it, and itself.
    """
    rows = values.shape[0]
    at_row, at_column = np.nonzero(values)
    before = np.concatenate(([-1], at_column))[:-1]
    before[np.flatnonzero(np.diff(at_row, prepend=-1))] = -1
    fillers, gap = np.divmod(at_column - before - 1, span)
    places = np.cumsum(fillers + 1) - 1
    total = int(places[-1]) + 1 if places.size else 0
    stored, gaps = np.zeros(total, values.dtype), np.full(total, span - 1, np.int64)
    stored[places], gaps[places] = values[at_row, at_column], gap
    # Sums of whole numbers far below 2^53 are exact in the reals that bincount adds.
    counts = np.bincount(at_row, weights=fillers + 1, minlength=rows).astype(np.int64)
    return stored, gaps, counts
