"""Ternary storage: five of -1, 0 and 1 in a byte, and the two values they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import FormatError
from hwsim.formats._bits import pack_values, unpack_values
from hwsim.formats._dense_product import bind_dense
from hwsim.formats._format import Packed

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.formats._format import Product

# 3^5 = 243 of the 256 values of a byte: 1.6 bits per weight, where log2 3 = 1.585.
_PER_BYTE = 5
_POWERS = (3 ** np.arange(_PER_BYTE)).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Trits:
    """Weights in {-c, 0, c}, such as ternary weight networks have (Li et al., 1605.04711).

    The two magnitudes may differ (trained ternary quantization, Zhu et al., 1612.01064).
    """

    name: str = "trits"
    shares_values: bool = True

    def pack(self, values: Array, bits: int) -> Packed:
        """See `Format.pack`."""
        rows, columns = values.shape
        table = _ends(values)
        digits = np.zeros(-(-values.size // _PER_BYTE) * _PER_BYTE, np.uint8)
        digits[: values.size] = (1 + (values > 0) - (values < 0)).reshape(-1)
        weighed = digits.reshape(-1, _PER_BYTE) * _POWERS
        return Packed(
            shape=(rows, columns),
            bits=bits,
            dtype=values.dtype,
            arrays={
                "table": pack_values(table, bits),
                "trits": weighed.sum(axis=1, dtype=np.uint8),
            },
        )

    def unpack(self, packed: Packed) -> Array:
        """See `Format.unpack`."""
        rows, columns = packed.shape
        trits, count = packed.arrays["trits"], rows * columns
        if trits.size != -(-count // _PER_BYTE) or trits.max(initial=0) >= 3**_PER_BYTE:
            raise FormatError(f"{trits.size} bytes are not the trits of {count} weights")
        low, high = unpack_values(packed.arrays["table"], packed.dtype, packed.bits, 2)
        if low > 0 or high < 0:
            raise FormatError(f"trits of {low} below and {high} above 0")
        values = np.array([low, 0, high], packed.dtype)
        digits = trits[:, None] // _POWERS % 3
        return values[digits.reshape(-1)[:count]].reshape(packed.shape)

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


def _ends(values: Array) -> Array:
    """Return the negative and the positive value of ternary weights; 0 for one that is missing.

    Raises:
        FormatError: There are several of one sign.
    """
    zero = np.zeros((), values.dtype)
    low, high = np.minimum(values.min(), zero), np.maximum(values.max(), zero)
    others = ~((values == low) | (values == high) | (values == 0))
    if others.any():
        row, column = np.argwhere(others)[0]
        raise FormatError(
            f"format trits: row {row}, column {column} holds {values[row, column]} beside {low} "
            f"and {high}; one value below and one above 0 fit, as ternary weights have"
        )
    return np.array([low, high], values.dtype)
