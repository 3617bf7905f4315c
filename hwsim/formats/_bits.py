"""Bit packing: numbers of any width as bytes, least significant bit first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.arrays import Array, IntArray


_WHOLE = (8, 16, 32, 64)
# Eight numbers of any width fill whole bytes.
_GROUP = 8


def pack_unsigned(numbers: IntArray, bits: int) -> IntArray:
    """Return `numbers` (flat, each < 2^bits) as bytes; `bits` 0..64."""
    if bits in _WHOLE:
        return numbers.astype(f"<u{bits // 8}").view(np.uint8)
    padded = np.zeros(-(-numbers.size // _GROUP) * _GROUP, np.uint64)
    padded[: numbers.size] = numbers
    columns = padded.reshape(-1, _GROUP)
    packed = np.zeros((bits, len(columns)), np.uint8)
    for place, byte, shift in _overlaps(bits):
        column = columns[:, place]
        packed[byte] |= (column >> shift if shift >= 0 else column << -shift).astype(np.uint8)
    return packed.T.reshape(-1)[: bytes_of(numbers.size, bits)]


def unpack_unsigned(packed: IntArray, bits: int, count: int) -> IntArray:
    """Invert `pack_unsigned`; returns int64.

    Raises:
        FormatError: There are not as many bytes as `count` numbers need.
    """
    _require(packed, bits, count)
    if bits in _WHOLE:
        return packed.view(f"<u{bits // 8}").astype(np.int64)
    groups = -(-count // _GROUP)
    padded = np.zeros(groups * bits, np.uint8)
    padded[: packed.size] = packed
    grouped = padded.reshape(groups, bits).T
    numbers = np.zeros((groups, _GROUP), np.uint64)
    for place, byte, shift in _overlaps(bits):
        part = grouped[byte].astype(np.uint64)
        numbers[:, place] |= part << shift if shift >= 0 else part >> -shift
    return (numbers.reshape(-1)[:count] & ((1 << bits) - 1)).astype(np.int64)


def _overlaps(bits: int) -> Iterator[tuple[int, int, int]]:
    """Yield (place, byte, shift): byte b of eight numbers holds number p, moved right by shift."""
    for place in range(_GROUP):
        start = place * bits
        for byte in range(start // 8, bytes_of(1, start + bits)):
            yield place, byte, 8 * byte - start


def bytes_of(count: int, bits: int) -> int:
    """Return how many bytes `count` numbers of `bits` take."""
    return -(-count * bits // 8)


def width_of(packed: IntArray, count: int) -> int:
    """Return the widest numbers of which `count` take these bytes: their width needs no byte.

    Raises:
        FormatError: It is none that a format writes.
    """
    bits = 8 * packed.size // count
    if bits > _WHOLE[-1]:
        raise FormatError(
            f"expected at most 8 bytes for each of {count} numbers, got {packed.size}"
        )
    return bits


def widened(bits: int, count: int) -> int:
    """Return the width that `width_of` finds where `count` numbers of `bits` are packed."""
    return 8 * bytes_of(count, bits) // count


def _require(packed: IntArray, bits: int, count: int) -> None:
    if count < 0 or packed.size != bytes_of(count, bits):
        raise FormatError(
            f"{count} numbers of {bits} bits take {bytes_of(count, bits)} bytes, got {packed.size}"
        )


def pack_values(values: Array, bits: int) -> IntArray:
    """Return weights as bytes: float32 where they are reals, else two's complement of `bits`."""
    flat = np.ascontiguousarray(values).reshape(-1)
    if np.issubdtype(flat.dtype, np.floating):
        return flat.astype("<f4").view(np.uint8)
    if bits in _WHOLE:
        return pack_unsigned(flat.astype(np.int64), bits)  # The cast wraps as two's complement.
    return pack_unsigned(flat.astype(np.int64) & ((1 << bits) - 1), bits)


def unpack_values(packed: IntArray, dtype: np.dtype[Any], bits: int, count: int) -> Array:
    """Invert `pack_values`; returns `count` values of `dtype`.

    Raises:
        FormatError: There are not as many bytes as `count` values need.
    """
    _require(packed, bits, count)
    if np.issubdtype(dtype, np.floating):
        return packed.view("<f4").astype(dtype)
    if bits in _WHOLE and bits == 8 * dtype.itemsize:
        return packed.view(dtype.newbyteorder("<")).astype(dtype, copy=False)
    numbers = unpack_unsigned(packed, bits, count)
    if np.issubdtype(dtype, np.signedinteger):
        numbers = numbers - ((numbers >> (bits - 1)) << bits)
    return numbers.astype(dtype)


def index_bits(largest: int) -> int:
    """Return the narrowest of 8, 16 and 32 bits that holds `largest`."""
    return next(bits for bits in (8, 16, 32) if largest < 1 << bits)
