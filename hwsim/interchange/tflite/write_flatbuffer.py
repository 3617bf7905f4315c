"""Words for writing flatbuffers: tables of TFLite's schema, vectors, sparse tensors' indices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tflite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hwsim.arrays import IntArray
    from hwsim.interchange.tflite.sparsity import Level, Sparsity

# The generated modules are untyped.
_schema: Any = tflite
# Narrowest first; each holds numbers below its bound.
_INDEX_VECTORS: tuple[tuple[str, type[np.integer[Any]]], ...] = (
    ("Uint8Vector", np.uint8),
    ("Uint16Vector", np.uint16),
    ("Int32Vector", np.int32),
)


def table(builder: Any, name: str, /, **fields: Any) -> int:
    """Write a table of the schema; its vectors and strings are offsets, written before."""
    start: Callable[[Any], None] = getattr(_schema, f"{name}Start")
    end: Callable[[Any], int] = getattr(_schema, f"{name}End")
    start(builder)
    for key, value in fields.items():
        getattr(_schema, f"{name}Add{key}")(builder, value)
    return end(builder)


def offsets(builder: Any, name: str, field: str, written: Sequence[int]) -> int:
    """Write the vector of tables `field` of table `name`."""
    getattr(_schema, f"{name}Start{field}Vector")(builder, len(written))
    for offset in reversed(written):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def integers(builder: Any, values: Sequence[int]) -> int:
    """Write a vector of 32-bit numbers."""
    return builder.CreateNumpyVector(np.asarray(values, np.int32))


def sparsity_table(builder: Any, sparsity: Sparsity) -> int:
    """Write which elements of a tensor are stored."""
    levels = [_level(builder, level) for level in sparsity.levels]
    fields = {"TraversalOrder": integers(builder, sparsity.order)}
    if sparsity.blocked:
        fields["BlockMap"] = integers(builder, sparsity.blocked)
    fields["DimMetadata"] = offsets(builder, "SparsityParameters", "DimMetadata", levels)
    return table(builder, "SparsityParameters", **fields)


def _level(builder: Any, level: Level) -> int:
    if level.segments is None or level.indices is None:
        return table(
            builder, "DimensionMetadata", Format=_schema.DimensionType.DENSE, DenseSize=level.size
        )
    segments_type, segments = _indices(builder, level.segments)
    indices_type, indices = _indices(builder, level.indices)
    return table(
        builder,
        "DimensionMetadata",
        Format=_schema.DimensionType.SPARSE_CSR,
        ArraySegmentsType=segments_type,
        ArraySegments=segments,
        ArrayIndicesType=indices_type,
        ArrayIndices=indices,
    )


def index_bytes(sparsity: Sparsity) -> int:
    """Return how many bytes say where the stored elements of a tensor lie."""
    vectors = [v for level in sparsity.levels for v in (level.segments, level.indices)]
    return sum(v.size * np.dtype(_narrowest(v)[1]).itemsize for v in vectors if v is not None)


def _indices(builder: Any, values: IntArray) -> tuple[int, int]:
    """Write numbers in the narrowest vector that holds them; return its kind and its place."""
    name, dtype = _narrowest(values)
    vector = builder.CreateNumpyVector(values.astype(dtype))
    return getattr(_schema.SparseIndexVector, name), table(builder, name, Values=vector)


def _narrowest(values: IntArray) -> tuple[str, type[np.integer[Any]]]:
    highest = int(values.max(initial=0))
    return next(pair for pair in _INDEX_VECTORS if highest <= np.iinfo(pair[1]).max)
