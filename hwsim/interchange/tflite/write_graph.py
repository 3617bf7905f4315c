"""A graph as a TFLite flatbuffer: the walk over its nodes, and the writer of each op."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.errors import InterchangeError
from hwsim.interchange.tflite import write_elementwise as elementwise
from hwsim.interchange.tflite import write_functions as functions
from hwsim.interchange.tflite import write_moves as moves
from hwsim.interchange.tflite import write_pools as pools
from hwsim.interchange.tflite import write_products as products
from hwsim.interchange.tflite.names import node_name, write_names
from hwsim.interchange.tflite.write_lstm import write_lstm
from hwsim.interchange.tflite.write_place import Draft, Place, add_activation
from hwsim.interchange.tflite.write_schema import Tensor, model_bytes
from hwsim.interchange.tflite.write_sparse import note_storage, sparse_lines
from hwsim.interchange.tflite.write_transposed import write_transposed_conv
from hwsim.ops import (
    Add,
    AveragePool2d,
    BatchNorm,
    Binary,
    Concat,
    Constant,
    Conv2d,
    Conv2dTranspose,
    Dequantize,
    Elementary,
    Gather,
    LeakyRelu,
    Linear,
    LogSoftmax,
    Lstm,
    MatMul,
    Maximum,
    MaxPool2d,
    Mean,
    Minimum,
    Mul,
    Pad,
    PRelu,
    Quantize,
    ReduceMax,
    ReduceMin,
    Reshape,
    ResizeBilinear,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Sum,
    Tile,
    Transpose,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.graph import Graph
    from hwsim.op import Op

# Activations that some TFLite kernels take.
_BITS = (8, 16)

WRITERS: dict[type[Op], Callable[[Place, Any], None]] = {
    Add: elementwise.write_add,
    AveragePool2d: pools.write_average_pool,
    BatchNorm: elementwise.write_batch_norm,
    Binary: elementwise.write_binary,
    Concat: moves.write_concat,
    Conv2d: products.write_conv,
    Conv2dTranspose: write_transposed_conv,
    Dequantize: elementwise.write_dequantize,
    Elementary: functions.write_elementary,
    Gather: moves.write_gather,
    LeakyRelu: functions.write_leaky_relu,
    Linear: products.write_linear,
    Lstm: write_lstm,
    LogSoftmax: functions.write_log_softmax,
    MatMul: products.write_matmul,
    Maximum: elementwise.write_maximum,
    MaxPool2d: pools.write_max_pool,
    Mean: pools.write_reduction("MEAN"),
    Minimum: elementwise.write_minimum,
    Mul: elementwise.write_mul,
    Pad: moves.write_pad,
    PRelu: functions.write_prelu,
    Quantize: elementwise.write_quantize,
    ReduceMax: pools.write_reduction("REDUCE_MAX"),
    ReduceMin: pools.write_reduction("REDUCE_MIN"),
    Reshape: moves.write_reshape,
    ResizeBilinear: pools.write_resize("RESIZE_BILINEAR", "ResizeBilinearOptions"),
    ResizeNearest: pools.write_resize("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions"),
    Slice: moves.write_slice,
    Softmax: functions.write_softmax,
    Sub: elementwise.write_sub,
    Sum: pools.write_reduction("SUM"),
    Tile: moves.write_tile,
    Transpose: moves.write_transpose,
}
"""Every op that can be written. A new one is a line here."""


def tflite_file(graph: Graph, *, is_sparse: bool = False) -> tuple[bytes, tuple[str, ...]]:
    """Return the .tflite file of `graph`, and what it holds otherwise than it lies in memory.

    Its tensors keep their names, and so do its nodes.

    Args:
        graph: The model.
        is_sparse: Whether weights that lie sparse in memory are stored so: as LiteRT's own kernels
            read them, which TFLite Micro reads as if they were dense, or to be expanded.

    Raises:
        InterchangeError: TFLite has no such op, or not with these types or attributes.
    """
    draft = Draft(graph=graph, is_sparse=is_sparse)
    for name in graph.inputs:
        _require_written(graph, name)
        add_activation(draft, name)
    for node in graph.nodes:
        place = Place(draft=draft, node=node)
        if isinstance(node.op, Constant):
            (name,) = node.outputs
            _require_written(graph, name)
            draft.tensors[name] = _constant(name, node.op)
            continue
        if type(node.op) not in WRITERS:
            known = ", ".join(sorted(op.kind for op in WRITERS))
            raise place.refusal(f"it has no operator for {node.op.kind}; it has some for {known}")
        for name in node.outputs:
            _require_written(graph, name)
            add_activation(draft, name)
        _require_one_type(place)
        WRITERS[type(node.op)](place, node.op)
        note_storage(place)
    content = model_bytes(
        list(draft.tensors.values()), draft.calls, graph.inputs, graph.outputs, _names(draft)
    )
    return content, (*draft.notes.lines(), *sparse_lines(draft))


def _constant(name: str, op: Constant) -> Tensor:
    quant, values = op.value.quant, op.value.codes
    if quant is None:
        values = values.astype(np.float32)
    return Tensor(
        name=name, shape=values.shape, dtype=values.dtype.name, quant=quant, values=values
    )


def _require_written(graph: Graph, name: str) -> None:
    """Refuse a tensor whose encoding a .tflite file would change."""
    quant = graph.tensors[name].quant
    if quant is None:
        return
    where = f"{graph.name}: tensor {name!r} cannot be written as TFLite:"
    if quant.bits not in _BITS:
        raise InterchangeError(
            f"{where} activations have {' or '.join(map(str, _BITS))} bits, or are float32, got "
            f"{quant.bits} bits; quantize{{activations=8}}, or .hwsim holds it"
        )
    if float(np.float32(quant.scale[0])) != quant.scale[0]:
        raise InterchangeError(
            f"{where} its scale {quant.scale[0]!r} is no float32 number, as files hold them; "
            "the step quantize makes such scales"
        )


def _require_one_type(place: Place) -> None:
    """Refuse operands of different types, which no kernel but those that convert takes."""
    types = [type_.dtype for type_ in (*place.inputs, place.output)]
    if len(set(types)) > 1 and not isinstance(place.node.op, (Dequantize, Quantize)):
        raise place.refusal(
            f"{place.node.op.kind} takes and makes tensors of one type, got {', '.join(types)}; "
            "quantize ops convert"
        )


def _names(draft: Draft) -> dict[str, bytes]:
    """Return, as metadata, the names of nodes that their results do not tell already."""
    names = list(draft.tensors)
    told: dict[str, str] = {}
    for node in draft.graph.nodes:
        result = node.outputs[0]
        is_constant = isinstance(node.op, Constant)
        if node.name != (result if is_constant else node_name(result, names)):
            told[result] = node.name
    return write_names(told)
