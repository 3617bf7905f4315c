"""Weights as ONNX's sparse constants: values, and their places in the flat tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from hwsim.interchange._storage_notes import leaves_zeros_out

if TYPE_CHECKING:
    from onnx import SparseTensorProto

    from hwsim.arrays import Array
    from hwsim.interchange.onnx.write_draft import Draft
    from hwsim.interchange.onnx.write_place import Place
    from hwsim.tensor import Weight

_UNLOADED_BITS = 4


def weight_constant(
    place: Place, weight: Weight, stem: str, values: Array, bits: int | None = None
) -> str:
    """Add a layer's weight, and return its name.

    It is stored sparse where the draft asks for it, the weight lies so in memory, and that takes
    fewer bytes.

    Args:
        place: Of the layer.
        weight: As it lies in memory.
        stem: Of its name.
        values: As they are written.
        bits: 4 for codes that two share a byte; ONNX Runtime loads no sparse ones.
    """
    draft = place.draft
    if not draft.is_sparse or bits is not None or not leaves_zeros_out(weight.format):
        return draft.constant(stem, values, bits)
    name = draft.free(stem)
    sparse, dense = _sparse(values, name), numpy_helper.from_array(values, name)
    if sparse.ByteSize() < dense.ByteSize():
        draft.sparse[name] = sparse
        draft.stored_sparse.add(place.node.name)
    else:
        draft.constants[name] = dense
    return name


def _sparse(values: Array, name: str) -> SparseTensorProto:
    """Return what is not 0, with indices into the flat tensor, as protobuf's short numbers."""
    flat = values.reshape(-1)
    at = np.flatnonzero(flat)
    places = helper.make_tensor(f"{name}.places", TensorProto.INT64, at.shape, at.tolist())
    stored = numpy_helper.from_array(flat[at], name)
    return helper.make_sparse_tensor(stored, places, list(values.shape))


def note_storage(place: Place) -> None:
    """Note how the node's weights lie in memory, where the file holds them dense."""
    draft, node, weight = place.draft, place.node, place.node.op.weight
    if node.name in draft.stored_sparse:
        return
    if weight is None or not leaves_zeros_out(weight.format):
        draft.notes.written_dense(node)
    elif weight.bits <= _UNLOADED_BITS:
        problem = f"can hold sparse codes of {_UNLOADED_BITS} bits, but ONNX Runtime loads none"
        draft.notes.written_dense(node, problem=problem)
    elif draft.is_sparse:
        draft.notes.written_dense(node, problem="would take no fewer bytes with places of values")
    else:
        draft.notes.written_dense(node, ".hwsim holds it; style sparse leaves its zeros out")


def sparse_lines(draft: Draft) -> tuple[str, ...]:
    """Return what to know of a file with sparse weights: they are dense once it is loaded."""
    if not draft.sparse:
        return ()
    count = len(draft.stored_sparse)
    line = (
        f"{count} layer{'' if count == 1 else 's'} stored sparse, as values and their places: ONNX "
        "Runtime expands them when it loads the file, and computes dense"
    )
    return (line,)
