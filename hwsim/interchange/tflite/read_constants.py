"""The bytes of a TFLite file's constants, and the values that they mean."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.errors import FormatError, InterchangeError
from hwsim.interchange.tflite.packing import unpacked
from hwsim.interchange.tflite.read_sparsity import read_sparsity
from hwsim.interchange.tflite.sparsity import stored_count, unfolded

if TYPE_CHECKING:
    from hwsim.arrays import Array, Shape

# Buffers up to this index value are markers, not offsets, in Buffer.offset.
_FIRST_REAL_OFFSET = 2


def has_bytes(buffer: Any) -> bool:
    """Return whether a buffer of the file holds anything."""
    return buffer.DataLength() > 0 or buffer.Offset() >= _FIRST_REAL_OFFSET


def buffer_bytes(buffer: Any, content: bytes) -> bytes:
    """Return what a buffer of the file holds.

    Args:
        buffer: Of the schema.
        content: The whole file.
    """
    if buffer.DataLength():
        return bytes(buffer.DataAsNumpy())
    # Some converters keep large constants behind the flatbuffer itself.
    return content[buffer.Offset() : buffer.Offset() + buffer.Size()]


def constant_of(
    tensor: Any, raw: bytes | None, shape: Shape, dtype: np.dtype[Any], bits: int, where: str
) -> Array:
    """Return the values of a constant, all of them where some are stored.

    Args:
        tensor: Of the schema.
        raw: Its bytes; None where there are none in the file.
        shape: All axes.
        dtype: Of its values.
        bits: Of one value in the file.
        where: For messages.

    Raises:
        InterchangeError: There are no, too few or too many bytes, or places that are none.
    """
    try:
        sparsity = read_sparsity(tensor)
        count = math.prod(shape) if sparsity is None else stored_count(sparsity, shape)
    except FormatError as error:
        raise InterchangeError(f"{where} is stored sparse, but {error}") from error
    size = -(-count * bits // 8)
    if raw is None or len(raw) != size:
        got = 0 if raw is None else len(raw)
        raise InterchangeError(f"{where}: expected {size} bytes of values, got {got}")
    values = unpacked(raw, bits, count) if bits < 8 else np.frombuffer(raw, dtype)
    return values.reshape(shape) if sparsity is None else unfolded(values, sparsity, shape)
