"""N:M storage: at most N non-zeros in each run of M columns, with their places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import FormatError
from hwsim.formats._bits import pack_unsigned, pack_values, unpack_unsigned, unpack_values
from hwsim.formats._format import Packed
from hwsim.kernels.fast_product import stored_product
from hwsim.kernels.sparse import nm_matmul

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.formats._format import Product


@dataclass(frozen=True, slots=True)
class NM:
    """N values and N places of ceil(log2 M) bits per group; unused places hold zeros.

    Attributes:
        n: Values kept per group, 1..m.
        m: Columns per group, 2..256; the last group of a row may be short.
    """

    n: int
    m: int
    shares_values: bool = False

    @property
    def name(self) -> str:
        """`n:m`."""
        return f"{self.n}:{self.m}"

    @property
    def place_bits(self) -> int:
        """Width of one place."""
        return (self.m - 1).bit_length()

    def pack(self, values: Array, bits: int) -> Packed:
        """See `Format.pack`."""
        rows, columns = values.shape
        groups = self._grouped(values)
        counts = np.count_nonzero(groups, axis=2)
        if counts.max(initial=0) > self.n:
            row, group = np.unravel_index(int(counts.argmax()), counts.shape)
            raise FormatError(
                f"format {self.name}: row {row}, columns {group * self.m}.."
                f"{min(columns, (group + 1) * self.m) - 1} hold {counts.max()} non-zeros; "
                f"prune{{structure={self.name}}} makes them fit"
            )
        # A stable sort on "is zero" brings the non-zeros of a group to its front, in order.
        places = np.argsort(groups == 0, axis=2, kind="stable")[:, :, : self.n]
        kept = np.take_along_axis(groups, places, axis=2)
        return Packed(
            shape=(rows, columns),
            bits=bits,
            dtype=values.dtype,
            arrays={
                "values": pack_values(kept, bits),
                "places": pack_unsigned(places.reshape(-1), self.place_bits),
            },
        )

    def unpack(self, packed: Packed) -> Array:
        """See `Format.unpack`."""
        rows, columns = packed.shape
        kept, places = self._parts(packed)
        groups = np.zeros((rows, kept.shape[1], self.m), kept.dtype)
        np.put_along_axis(groups, places, kept, axis=2)
        return groups.reshape(rows, -1)[:, :columns]

    def bind(self, packed: Packed) -> Product:
        """See `Format.bind`."""
        kept, places = self._parts(packed)

        def product(x: IntArray) -> IntArray:
            out = np.empty((x.shape[0], packed.shape[0]), np.int32)
            nm_matmul(np.ascontiguousarray(x), kept, places, self.m, out)
            return out

        return stored_product(self.unpack(packed), product)

    def stored_per_row(self, packed: Packed) -> IntArray:
        """See `Format.stored_per_row`; every group stores n, also where fewer are not zero."""
        rows, columns = packed.shape
        return np.repeat(np.int64(-(-columns // self.m) * self.n), rows)

    def activation_reads(self, issued: int, lanes: int) -> int:
        """See `Format.activation_reads`; all lanes share the m of a group, and pick n each."""
        return -(-issued * self.m // (self.n * lanes))

    def _grouped(self, values: Array) -> Array:
        """Return [rows, groups, m], the last group filled up with zeros."""
        rows, columns = values.shape
        fill = -columns % self.m
        return np.pad(values, ((0, 0), (0, fill))).reshape(rows, -1, self.m)

    def _parts(self, packed: Packed) -> tuple[Array, IntArray]:
        rows, columns = packed.shape
        shape = (rows, -(-columns // self.m), self.n)
        count = shape[0] * shape[1] * shape[2]
        kept = unpack_values(packed.arrays["values"], packed.dtype, packed.bits, count).reshape(
            shape
        )
        places = unpack_unsigned(packed.arrays["places"], self.place_bits, count)
        return kept, places.reshape(shape)
