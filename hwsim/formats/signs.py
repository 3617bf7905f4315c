"""Signs: one bit per weight of binary networks, which multiply by counting bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import FormatError
from hwsim.formats._dense_product import bind_dense
from hwsim.formats._format import Packed
from hwsim.kernels.xnor import masked_signs_matmul, packed_words, signs_matmul

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.formats._format import Product


@dataclass(frozen=True, slots=True)
class Signs:
    """A 1 for +1 and a 0 for -1; each row starts on a byte of its own, so that rows can be found.

    The scale of the signs is the encoding's, one per filter (XNOR-Net, arXiv 1603.05279).
    """

    name: str = "signs"
    shares_values: bool = True

    def pack(self, values: Array, bits: int) -> Packed:
        """See `Format.pack`."""
        rows, columns = values.shape
        others = np.argwhere((values != 1) & (values != -1))
        if others.size:
            row, column = others[0]
            raise FormatError(
                f"format {self.name}: row {row}, column {column} holds {values[row, column]}; "
                "expected -1 and +1 alone; weights that are binarized fit, zeros among them do not"
            )
        return Packed(
            shape=(rows, columns),
            bits=bits,
            dtype=values.dtype,
            arrays={"values": np.packbits(values > 0, axis=1, bitorder="little")},
        )

    def unpack(self, packed: Packed) -> Array:
        """See `Format.unpack`."""
        return np.where(_bits(packed), 1, -1).astype(packed.dtype)

    def bind(self, packed: Packed) -> Product:
        """See `Format.bind`; of activations of any width."""
        return bind_dense(self.unpack(packed))

    def bind_signs(self, packed: Packed) -> Product:
        """Return the product with activations of -1 and +1, and 0 where an image is padded.

        It is `bind`'s, bit by bit, computed by counting bits.
        """
        weights = packed_words(_bits(packed))
        rows, columns = packed.shape

        def product(x: IntArray) -> IntArray:
            out = np.empty((x.shape[0], rows), np.int32)
            signs = packed_words(x > 0)
            if x.all():
                signs_matmul(signs, weights, columns, out)
            else:
                masked_signs_matmul(signs, packed_words(x != 0), weights, out)
            return out

        return product

    def stored_per_row(self, packed: Packed) -> IntArray:
        """See `Format.stored_per_row`."""
        rows, columns = packed.shape
        return np.repeat(np.int64(columns), rows)

    def activation_reads(self, issued: int, lanes: int) -> int:
        """See `Format.activation_reads`; one serves all lanes."""
        return -(-issued // lanes)


def _bits(packed: Packed) -> IntArray:
    """Return bool [rows, columns]: where a weight is +1."""
    rows, columns = packed.shape
    lying = packed.arrays["values"].reshape(rows, -(-columns // 8))
    bits = np.unpackbits(lying, axis=1, count=columns, bitorder="little")
    return bits.astype(bool)
