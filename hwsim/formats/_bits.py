"""Bit packing: numbers of any width as bytes, least significant bit first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray


_WHOLE = (8, 16, 32, 64)


def pack_unsigned(numbers: IntArray, bits: int) -> IntArray:
    """Return `numbers` (flat, each < 2^bits) as bytes."""
    if bits in _WHOLE:
        return numbers.astype(f"<u{bits // 8}").view(np.uint8)
    shifts = np.arange(bits)
    planes = (numbers.astype(np.int64)[:, None] >> shifts) & 1
    return np.packbits(planes.astype(np.uint8), bitorder="little")


def unpack_unsigned(packed: IntArray, bits: int, count: int) -> IntArray:
    """Invert `pack_unsigned`; returns int64."""
    if bits in _WHOLE:
        return packed.view(f"<u{bits // 8}").astype(np.int64)
    planes = np.unpackbits(packed, count=count * bits, bitorder="little").reshape(count, bits)
    return (planes.astype(np.int64) << np.arange(bits)).sum(axis=1)


def pack_values(values: Array, bits: int) -> IntArray:
    """Return weights as bytes: float32 where they are reals, else two's complement of `bits`."""
    flat = np.ascontiguousarray(values).reshape(-1)
    if np.issubdtype(flat.dtype, np.floating):
        return flat.astype("<f4").view(np.uint8)
    if bits in _WHOLE:
        return pack_unsigned(flat.astype(np.int64), bits)  # The cast wraps as two's complement.
    return pack_unsigned(flat.astype(np.int64) & ((1 << bits) - 1), bits)


def unpack_values(packed: IntArray, dtype: np.dtype[Any], bits: int, count: int) -> Array:
    """Invert `pack_values`; returns `count` values of `dtype`."""
    if np.issubdtype(dtype, np.floating):
        return packed.view("<f4").astype(dtype)
    if bits in _WHOLE and bits == 8 * dtype.itemsize:
        return packed.view(dtype.newbyteorder("<"))[:count].astype(dtype, copy=False)
    numbers = unpack_unsigned(packed, bits, count)
    if np.issubdtype(dtype, np.signedinteger):
        numbers = numbers - ((numbers >> (bits - 1)) << bits)
    return numbers.astype(dtype)


def index_bits(largest: int) -> int:
    """Return the narrowest of 8, 16 and 32 bits that holds `largest`."""
    return next(bits for bits in (8, 16, 32) if largest < 1 << bits)
