"""Sparse constants of ONNX: values, and where they stand, as the dense tensors that they mean."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, numpy_helper

from hwsim.errors import InterchangeError
from hwsim.interchange.onnx.read_fold import MOST_ELEMENTS

if TYPE_CHECKING:
    from onnx import ModelProto, SparseTensorProto

    from hwsim.arrays import Array, IntArray

# Places are 64 bits wide by ONNX's specification; ONNX Runtime takes narrower ones too.
_PLACES = (TensorProto.INT64, TensorProto.INT32, TensorProto.INT16, TensorProto.INT8)
# All sparse constants of a file may have so many elements for each byte of their places, and a
# fixed number: a few bytes can claim any extent.
_ELEMENTS_PER_BYTE = 256


def require_sparse_sizes(model: ModelProto, where: str) -> None:
    """Refuse sparse constants that would fill the memory, before any is expanded.

    Raises:
        InterchangeError: They have too many elements, or extents that are none.
    """
    given = [*model.graph.sparse_initializer]
    for node in model.graph.node:
        given += [a.sparse_tensor for a in node.attribute if a.HasField("sparse_tensor")]
    for sparse in given:
        if not sparse.dims or min(sparse.dims) < 1:
            raise _error(where, sparse, f"extents of at least 1, got {list(sparse.dims)}")
    elements = sum(math.prod(sparse.dims) for sparse in given)
    most = MOST_ELEMENTS + _ELEMENTS_PER_BYTE * sum(map(_place_bytes, given))
    if elements > most:
        raise InterchangeError(
            f"{where}: sparse constants of {elements} elements in all; expected at most {most} "
            "beside so few places"
        )


def _place_bytes(sparse: SparseTensorProto) -> int:
    """Return about how many bytes of the file the places take, never more than they do."""
    places = sparse.indices
    return len(places.raw_data) + len(places.int64_data) + len(places.int32_data)


def sparse_array_of(sparse: SparseTensorProto, where: str) -> Array:
    """Return the dense tensor; what is not stored is 0.

    Call `require_sparse_sizes` of its model first.

    Raises:
        InterchangeError: Its places are not those of such a tensor, rising, each once.
    """
    values, places = sparse.values, sparse.indices
    if TensorProto.EXTERNAL in (values.data_location, places.data_location):
        raise _error(where, sparse, "values and places in the file itself, got some beside it")
    if places.data_type not in _PLACES:
        raise _error(where, sparse, f"places of type int64, got type {places.data_type}")
    shape = tuple(int(extent) for extent in sparse.dims)
    if list(values.dims) != list(places.dims[:1]) or len(places.dims) > 2:
        raise _error(
            where,
            sparse,
            "values [n] and places [n] or [n, rank], got "
            f"{list(values.dims)} and {list(places.dims)}",
        )
    if len(places.dims) == 2 and places.dims[1] != len(shape):
        raise _error(where, sparse, f"{len(shape)} coordinates a value, got {places.dims[1]}")
    try:
        at = _linear(numpy_helper.to_array(places).astype(np.int64), shape)
        stored = numpy_helper.to_array(values)
    except (ValueError, TypeError) as error:
        problem = " ".join(str(error).split())
        raise _error(where, sparse, f"as many bytes as it says, got others ({problem})") from error
    if stored.dtype.kind in "Oc":
        raise _error(where, sparse, f"real numbers, got {stored.dtype}")
    if (np.diff(at) <= 0).any() or at.min(initial=0) < 0 or at.max(initial=-1) >= math.prod(shape):
        raise _error(where, sparse, f"places that rise within {list(shape)}, each once, got others")
    dense = np.zeros(shape, stored.dtype)
    dense.reshape(-1)[at] = stored
    return dense


def _linear(places: IntArray, shape: tuple[int, ...]) -> IntArray:
    """Return places [n] or [n, rank] as indices into the flat tensor; -1 for one outside."""
    if places.ndim == 1:
        return places
    is_inside = ((places >= 0) & (places < np.array(shape))).all(axis=1)
    strides = np.cumprod((1, *shape[:0:-1]))[::-1]
    return np.where(is_inside, places @ strides, -1)


def _error(where: str, sparse: SparseTensorProto, expected: str) -> InterchangeError:
    name = sparse.values.name
    return InterchangeError(f"{where}: sparse constant {name!r}: expected {expected}")
