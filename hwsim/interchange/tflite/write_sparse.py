"""Fully connected layers whose weights are stored sparse, as LiteRT's own kernels read them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hwsim.formats import Block, Csr
from hwsim.interchange.tflite.sparsity import folded
from hwsim.ops import Linear

if TYPE_CHECKING:
    from hwsim.formats import Format
    from hwsim.interchange.tflite.write_place import Draft, Place
    from hwsim.interchange.tflite.write_schema import Tensor
    from hwsim.tensor import Weight


def stored_sparse(place: Place, weight: Weight, tensor: Tensor) -> Tensor:
    """Return the weight of a FULLY_CONNECTED as it lies in memory, if a kernel reads that.

    Args:
        place: Of the layer.
        weight: As it lies in memory.
        tensor: The same, dense, as the operator takes it.
    """
    if not place.draft.is_sparse or not _is_read(place, weight):
        return tensor
    columns = weight.format.columns if isinstance(weight.format, Block) else 1
    if tensor.values is None or not tensor.values.any():
        return tensor  # A constant of no bytes would be no constant.
    values, sparsity = folded(tensor.values, columns)
    place.draft.sparse.add(place.node.name)
    return replace(tensor, values=values, sparsity=sparsity)


def note_storage(place: Place) -> None:
    """Note how the node's weights lie in memory, where the file holds them dense."""
    if place.node.name in place.draft.sparse:
        return
    weight = place.node.op.weight
    remedy = ".hwsim holds it"
    if isinstance(place.node.op, Linear) and weight is not None and _is_read(place, weight):
        remedy = "style sparse holds it, for LiteRT without its default delegate; so does .hwsim"
    place.draft.notes.written_dense(place.node, remedy)


def sparse_lines(draft: Draft) -> tuple[str, ...]:
    """Return what to know of a file with sparse weights: who misreads it, without a word."""
    if not draft.sparse:
        return ()
    count = len(draft.sparse)
    line = (
        f"{count} layer{'' if count == 1 else 's'} stored sparse: run it on LiteRT without its "
        "default delegate, which reads such weights wrongly, as does TFLite Micro"
    )
    return (line,)


def _is_read(place: Place, weight: Weight) -> bool:
    """Whether LiteRT has a kernel of such weights: signed bytes in blocks of 1x16, or reals."""
    known: tuple[Format, ...] = (Block(1, 16),)
    if weight.quant is None:
        known = (Csr(), Block(1, 4))
    elif weight.bits != 8 or any(type_.dtype != "int8" for type_ in place.inputs):
        return False
    columns = weight.format.columns if isinstance(weight.format, Block) else 1
    return weight.format in known and weight.shape[1] % columns == 0
