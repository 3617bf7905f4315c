"""Codes of less than a byte: several share one, the first in its lowest bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tflite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import Array

_types: Any = tflite.TensorType
# Younger than the schema that the package tflite was made of.
INT2 = 19

PACKED_BITS: Mapping[int, int] = {_types.INT4: 4, INT2: 2}
"""Width of a code, by the tensor's type in the schema."""


def packed(codes: Array, bits: int) -> bytes:
    """Return signed codes of 2 or 4 bits as bytes; what is left of the last one is 0."""
    per_byte = 8 // bits
    flat = codes.reshape(-1).astype(np.uint8) & ((1 << bits) - 1)
    columns = np.pad(flat, (0, -len(flat) % per_byte)).reshape(-1, per_byte)
    shifts = np.arange(per_byte, dtype=np.uint8) * bits
    return np.bitwise_or.reduce(columns << shifts, axis=1).astype(np.uint8).tobytes()


def unpacked(raw: bytes, bits: int, count: int) -> Array:
    """Return the first `count` signed codes of 2 or 4 bits, as int8."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    parts = np.frombuffer(raw, np.uint8)[:, None] >> shifts & ((1 << bits) - 1)
    sign = 1 << (bits - 1)
    # The sign bit of a code becomes that of a byte.
    return ((parts.reshape(-1)[:count] ^ sign).astype(np.int8) - sign).astype(np.int8)
