"""Weights that are stored sparse: as LiteRT's own kernels read them, or as it expands them.

Kernels of sparse weights there are for fully connected layers alone. All other layers read the
result of a DENSIFY, which LiteRT computes once; without it, a convolution takes what is stored for
a dense weight.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hwsim.formats import Block, Csr
from hwsim.interchange._storage_notes import leaves_zeros_out
from hwsim.interchange.tflite.sparsity import folded, walk_of
from hwsim.interchange.tflite.write_flatbuffer import index_bytes
from hwsim.ops import Linear

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.formats import Format
    from hwsim.interchange.tflite.write_place import Draft, Place
    from hwsim.interchange.tflite.write_schema import Tensor
    from hwsim.tensor import Weight


_BYTE = 8
# Bits of codes that share bytes.
_PACKED = (2, 4)
# What DENSIFY takes.
_EXPANDED = ("float32", "int8")
# Of the tables of one more tensor and operator in a file.
_TABLE_BYTES = 300


def stored_sparse(place: Place, weight: Weight, tensor: Tensor) -> Tensor:
    """Return the weight of a FULLY_CONNECTED as it lies in memory, if a kernel reads that.

    Args:
        place: Of the layer.
        weight: As it lies in memory.
        tensor: The same, dense, as the operator takes it.
    """
    if not place.draft.is_sparse or not _is_read(place, weight):
        return tensor
    if tensor.values is None or not tensor.values.any():
        return tensor  # A constant of no bytes would be no constant.
    values, sparsity = folded(tensor.values, walk_of(weight.format, tensor.shape))
    place.draft.sparse.add(place.node.name)
    return replace(tensor, values=values, sparsity=sparsity)


def add_weight(place: Place, weight: Weight, tensor: Tensor) -> str:
    """Add the weight of a layer, and return the name of what its operator reads.

    That is the result of a DENSIFY where the weight lies sparse in memory, no kernel reads it so,
    and it takes fewer bytes.

    Args:
        place: Of the layer.
        weight: As it lies in memory.
        tensor: The same as `stored_sparse` made it, or dense.
    """
    values = tensor.values
    is_asked = place.draft.is_sparse and leaves_zeros_out(weight.format)
    if not is_asked or tensor.sparsity is not None or tensor.dtype not in _EXPANDED:
        return place.add("weight", tensor)
    if values is None or not values.any():
        return place.add("weight", tensor)
    # Depthwise weights lie there with their filters last, whatever they lie in here.
    lying = weight.format if tensor.shape == weight.shape else Csr()
    stored, sparsity = folded(values, walk_of(lying, tensor.shape))
    if stored.nbytes + index_bytes(sparsity) + _TABLE_BYTES >= values.nbytes:
        return place.add("weight", tensor)
    source = place.add(
        "weight.stored", replace(tensor, values=stored, sparsity=sparsity, quant=None)
    )
    name = place.add("weight", replace(tensor, values=None))
    place.call("DENSIFY", source, table="DensifyOptions", outputs=(name,))
    is_dynamic = place.is_real or isinstance(place.node.op, Linear)
    place.draft.expanded[place.node.name] = tensor.quant is not None and is_dynamic
    return name


def note_storage(place: Place) -> None:
    """Note how the node's weights lie in memory, where the file holds them dense."""
    draft, weight = place.draft, place.node.op.weight
    if place.node.name in draft.sparse or place.node.name in draft.expanded:
        return
    if weight is None or not leaves_zeros_out(weight.format):
        draft.notes.written_dense(place.node)
    elif isinstance(place.node.op, Linear) and _is_read(place, weight):
        remedy = "style sparse holds it, for LiteRT; so does .hwsim"
        draft.notes.written_dense(place.node, remedy)
    elif weight.quant is not None and (weight.bits in _PACKED or not weight.quant.signed):
        problem = "has sparse weights of float32 and int8 alone"
        draft.notes.written_dense(place.node, problem=problem)
    elif draft.is_sparse:
        problem = "would take no fewer bytes with places of values"
        draft.notes.written_dense(place.node, problem=problem)
    else:
        remedy = ".hwsim holds it; style sparse leaves its zeros out"
        draft.notes.written_dense(place.node, remedy)


def sparse_lines(draft: Draft) -> tuple[str, ...]:
    """Return what to know of a file with sparse weights: who misreads it, and who refuses it."""
    return tuple(_lines(draft))


def _lines(draft: Draft) -> Iterator[str]:
    if draft.sparse:
        yield (
            f"{_layers(len(draft.sparse))} stored sparse for LiteRT's own kernels: TFLite Micro "
            "takes the file too, and reads such weights wrongly"
        )
    if draft.expanded:
        yield (
            f"{_layers(len(draft.expanded))} stored sparse for LiteRT to expand (DENSIFY), and "
            "computed dense; TFLite Micro has no such operator, and refuses the file"
        )
    refused = sum(draft.expanded.values())
    if refused:
        yield (
            f"{_layers(refused)} of these, int8 and fully connected or between reals: LiteRT's "
            "default delegate refuses the file; run it without"
        )


def _layers(count: int) -> str:
    return f"{count} layer{'' if count == 1 else 's'}"


def _is_read(place: Place, weight: Weight) -> bool:
    """Whether LiteRT has a kernel of such weights: signed bytes in blocks of 1x16, or reals."""
    known: tuple[Format, ...] = (Block(1, 16),)
    if weight.quant is None:
        known = (Csr(), Block(1, 4))
    elif weight.bits != _BYTE or any(type_.dtype != "int8" for type_ in place.inputs):
        return False
    columns = weight.format.columns if isinstance(weight.format, Block) else 1
    return weight.format in known and weight.shape[1] % columns == 0
