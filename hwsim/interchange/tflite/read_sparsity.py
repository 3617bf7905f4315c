"""Which elements of a tensor a TFLite file stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tflite

from hwsim.errors import FormatError
from hwsim.interchange.tflite.sparsity import Level, Sparsity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import IntArray

# The generated modules are untyped.
_schema: Any = tflite
_VECTORS: Mapping[int, Any] = {
    _schema.SparseIndexVector.Int32Vector: _schema.Int32Vector,
    _schema.SparseIndexVector.Uint16Vector: _schema.Uint16Vector,
    _schema.SparseIndexVector.Uint8Vector: _schema.Uint8Vector,
}


def read_sparsity(tensor: Any) -> Sparsity | None:
    """Return which elements of a tensor of the file are stored; None where all are.

    Raises:
        FormatError: Indices are missing, or of an unknown kind.
    """
    given = tensor.Sparsity()
    if given is None:
        return None
    levels = [_level(given.DimMetadata(i)) for i in range(given.DimMetadataLength())]
    return Sparsity(
        order=tuple(given.TraversalOrder(i) for i in range(given.TraversalOrderLength())),
        blocked=tuple(given.BlockMap(i) for i in range(given.BlockMapLength())),
        levels=tuple(levels),
    )


def _level(given: Any) -> Level:
    if given.Format() == _schema.DimensionType.DENSE:
        return Level(size=given.DenseSize())
    return Level(
        segments=_indices(given.ArraySegmentsType(), given.ArraySegments()),
        indices=_indices(given.ArrayIndicesType(), given.ArrayIndices()),
    )


def _indices(kind: int, given: Any) -> IntArray:
    if kind not in _VECTORS or given is None:
        raise FormatError(f"expected indices of 8, 16 or 32 bits, got kind {kind}")
    vector = _VECTORS[kind]()
    vector.Init(given.Bytes, given.Pos)
    # An empty vector reads as the number 0.
    values = vector.ValuesAsNumpy() if vector.ValuesLength() else np.zeros(0)
    return values.astype(np.int64)
