"""Run lengths: zeros before each weight and the weight, three such pairs to a word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import FormatError
from hwsim.formats._bits import bytes_of, pack_values, unpack_unsigned, unpack_values
from hwsim.formats._format import Packed
from hwsim.formats._row_product import bind_rows

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.formats._format import Product

PAIRS = 3
"""Of a run and a value, in a word."""


@dataclass(frozen=True, slots=True)
class Rle:
    """Run-length compression as of Eyeriss (Chen et al., JSSC 52(1), 2017).

    The matrix is one stream, row by row: a run goes on from one row to the next, and no row can be
    found without those before it. A word holds, lowest bit first, three times a run of `run_bits`
    and a value of the weight's bits, then one bit that is set in the last word alone; it is filled
    up to whole bytes. Runs of 5 bits and values of 16 give Eyeriss' words of 64 bits. More zeros
    than a run counts are a pair of the longest run and the value 0, which takes the place of one
    more. Zeros behind the last weight are not stored; pairs of two zeros fill up the last word,
    which no weight is.

    Attributes:
        run_bits: Width of a run, 1..16.
    """

    run_bits: int
    shares_values: bool = False

    @property
    def name(self) -> str:
        """`rle4`: the bits of a run."""
        return f"rle{self.run_bits}"

    def pack(self, values: Array, bits: int) -> Packed:
        """See `Format.pack`."""
        rows, columns = values.shape
        runs, places = self._pairs(values)
        words = max(1, -(-len(runs) // PAIRS))
        fields = np.zeros((2, words * PAIRS), np.uint64)
        fields[0, : len(runs)] = runs
        stored = values.reshape(-1)[places]
        fields[1, : len(runs)] = unpack_unsigned(pack_values(stored, bits), bits, len(runs))
        return Packed(
            shape=(rows, columns),
            bits=bits,
            dtype=values.dtype,
            arrays={"words": self._joined(fields.reshape(2, words, PAIRS), bits)},
        )

    def _pairs(self, values: Array) -> tuple[IntArray, IntArray]:
        """Return the run of each pair, and the place in the matrix of its value."""
        span = 1 << self.run_bits
        at = np.flatnonzero(values)
        zeros = np.diff(at, prepend=-1) - 1
        fillers, run = np.divmod(zeros, span)
        ends = np.cumsum(fillers + 1) - 1
        runs = np.full(int(ends[-1]) + 1 if ends.size else 0, span - 1, np.int64)
        runs[ends] = run
        return runs, np.cumsum(runs + 1) - 1

    def _joined(self, fields: IntArray, bits: int) -> IntArray:
        """Return runs and values [2, words, 3] as the bytes of words."""
        words = np.zeros((_word_bytes(self.run_bits, bits), fields.shape[1]), np.uint8)
        for field, pair, start, width in _layout(self.run_bits, bits):
            numbers = fields[field, :, pair]
            for byte in range(start // 8, bytes_of(1, start + width)):
                shift = 8 * byte - start
                part = numbers >> shift if shift >= 0 else numbers << -shift
                words[byte] |= part.astype(np.uint8)
        last = PAIRS * (self.run_bits + bits)
        words[last // 8, -1] |= np.uint8(1 << last % 8)
        return words.T.reshape(-1)

    def unpack(self, packed: Packed) -> Array:
        """See `Format.unpack`."""
        values, places = self._parts(packed)
        dense = np.zeros(packed.shape, values.dtype)
        dense.reshape(-1)[places] = values
        return dense

    def bind(self, packed: Packed) -> Product:
        """See `Format.bind`; its rows are found once."""
        values, places = self._parts(packed)
        rows, width = packed.shape
        columns = places % width
        starts = np.searchsorted(places, np.arange(rows + 1) * width)
        return bind_rows(self.unpack(packed), values, columns, starts)

    def stored_per_row(self, packed: Packed) -> IntArray:
        """See `Format.stored_per_row`; pairs that only count zeros are walked too."""
        rows, width = packed.shape
        places, _ = self._places(packed)
        return np.diff(np.searchsorted(places, np.arange(rows + 1) * width))

    def activation_reads(self, issued: int, lanes: int) -> int:
        """See `Format.activation_reads`; each lane looks up its own."""
        del lanes
        return issued

    def _places(self, packed: Packed) -> tuple[IntArray, IntArray]:
        """Return the place of each pair's value in the matrix, and the values' bits."""
        content, size = packed.arrays["words"], _word_bytes(self.run_bits, packed.bits)
        if not content.size or content.size % size:
            raise FormatError(f"format {self.name}: {content.size} bytes are no words of {size}")
        words = content.reshape(-1, size).T
        fields = np.zeros((2, words.shape[1], PAIRS), np.uint64)
        for field, pair, start, width in _layout(self.run_bits, packed.bits):
            for byte in range(start // 8, bytes_of(1, start + width)):
                shift = 8 * byte - start
                part = words[byte].astype(np.uint64)
                fields[field, :, pair] |= part << shift if shift >= 0 else part >> -shift
            fields[field, :, pair] &= np.uint64((1 << width) - 1)
        last = PAIRS * (self.run_bits + packed.bits)
        marks = words[last // 8] >> last % 8
        if marks[-1] != 1 or marks[:-1].any():
            raise FormatError(f"format {self.name}: the mark of the last word is not on it alone")
        runs, values = fields.reshape(2, -1)
        filled = np.flatnonzero(runs | values)
        count = int(filled[-1]) + 1 if filled.size else 0
        places = np.cumsum(runs[:count].astype(np.int64) + 1) - 1
        elements = packed.shape[0] * packed.shape[1]
        if count and places[-1] >= elements:
            raise FormatError(f"format {self.name}: weight {places[-1]} of {elements}")
        return places, values[:count]

    def _parts(self, packed: Packed) -> tuple[Array, IntArray]:
        places, values = self._places(packed)
        bits = packed.bits
        raw = pack_values(values.view(np.int64), bits)
        return unpack_values(raw, packed.dtype, bits, values.size), places


def _word_bytes(run_bits: int, bits: int) -> int:
    return bytes_of(1, PAIRS * (run_bits + bits) + 1)


def _layout(run_bits: int, bits: int) -> tuple[tuple[int, int, int, int], ...]:
    """Return (0 for a run or 1 for a value, pair, first bit, bits) of all fields of a word."""
    pair_bits = run_bits + bits
    runs = [(0, pair, pair * pair_bits, run_bits) for pair in range(PAIRS)]
    values = [(1, pair, pair * pair_bits + run_bits, bits) for pair in range(PAIRS)]
    return (*runs, *values)
