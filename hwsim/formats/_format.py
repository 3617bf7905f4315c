"""What a storage format must offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from hwsim.arrays import Array, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A weight matrix as a device stores it.

    Attributes:
        shape: (rows, columns) of the matrix; a row holds the weights of one output channel.
        bits: Width of one value.
        dtype: Type of the values once unpacked.
        arrays: The bytes, by the format's own names; what is here is what flash holds. A format
            reads its bytes flat, as files keep them, whatever shape it gives them.
    """

    shape: tuple[int, int]
    bits: int
    dtype: np.dtype[Any]
    arrays: dict[str, IntArray]

    @property
    def storage_bytes(self) -> int:
        """Bytes really encoded, indices and tables included."""
        return sum(array.nbytes for array in self.arrays.values())

    @property
    def index_bits(self) -> int:
        """Width of an index of the table of values; 0 where weights are no indices."""
        if "indices" not in self.arrays:
            return 0
        # What fills up the table's last byte may read as values more, but no weight has more bits.
        most = max(1, 8 * self.arrays["table"].size // self.bits)
        return min((most - 1).bit_length(), self.bits)


Product: TypeAlias = "Callable[[IntArray], IntArray]"
"""Codes [p, columns] to int32 [p, rows] = codes @ weights.T, wrapping at 32 bits."""


class Format(Protocol):
    """How a matrix of weights lies in memory, and how it is multiplied."""

    @property
    def name(self) -> str:
        """As profiles and recipes spell it."""
        ...

    @property
    def shares_values(self) -> bool:
        """Whether it pays because few values recur; training must then keep equal ones equal."""
        ...

    def pack(self, values: Array, bits: int) -> Packed:
        """Encode `values` [rows, columns].

        Raises:
            FormatError: The pattern of zeros does not fit the format.
        """
        ...

    def unpack(self, packed: Packed) -> Array:
        """Invert `pack` exactly."""
        ...

    def bind(self, packed: Packed) -> Product:
        """Return the product with these weights, unpacked once for any number of calls."""
        ...

    def stored_per_row(self, packed: Packed) -> IntArray:
        """Return how many weights a kernel walks for each output channel: int64 [rows]."""
        ...

    def activation_reads(self, issued: int, lanes: int) -> int:
        """Return how many activations `issued` multiplications read.

        Args:
            issued: Multiplications.
            lanes: Output channels worked on in step, which share what they read if they can.
        """
        ...
