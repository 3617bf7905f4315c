"""A graph as an ONNX model: the walk over its nodes, and the writer of each op."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper

from hwsim.errors import InterchangeError
from hwsim.interchange._axis_orders import identity
from hwsim.interchange.onnx import write_elementwise as elementwise
from hwsim.interchange.onnx import write_moves as moves
from hwsim.interchange.onnx import write_pools as pools
from hwsim.interchange.onnx import write_products as products
from hwsim.interchange.onnx import write_rare as rare
from hwsim.interchange.onnx.write_draft import MICROSOFT, Draft, Wire, unsigned
from hwsim.interchange.onnx.write_place import Place
from hwsim.interchange.onnx.write_sparse import note_storage, sparse_lines
from hwsim.interchange.onnx.write_widths import require_width
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
    LayerNorm,
    LeakyRelu,
    Linear,
    LogSoftmax,
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
    RmsNorm,
    Slice,
    Softmax,
    Sub,
    Sum,
    Tile,
    Transpose,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from onnx import ModelProto, ValueInfoProto

    from hwsim.graph import Graph
    from hwsim.interchange.onnx.write_draft import Style
    from hwsim.op import Op
    from hwsim.tensor import TensorType

# The operator set of 4-bit codes; from 22 on ONNX Runtime leaves MaxPool of codes to reals.
_OPSET, _IR_VERSION = 21, 10
# Operators that came later, with the set and the file version that know them.
_LATER = {"RMSNormalization": (23, 11)}

WRITERS: dict[type[Op], Callable[[Place, Any], None]] = {
    Add: elementwise.write_add,
    AveragePool2d: pools.write_average_pool,
    BatchNorm: elementwise.write_batch_norm,
    Binary: rare.write_binary,
    Concat: moves.write_concat,
    Constant: elementwise.write_constant,
    Conv2d: products.write_conv,
    Conv2dTranspose: rare.write_conv_transpose,
    Dequantize: elementwise.write_dequantize,
    Elementary: elementwise.write_elementary,
    Gather: rare.write_gather,
    LayerNorm: elementwise.write_layer_norm,
    LeakyRelu: rare.write_leaky_relu,
    Linear: products.write_linear,
    LogSoftmax: rare.write_log_softmax,
    MatMul: products.write_matmul,
    Maximum: elementwise.binary("Max"),
    MaxPool2d: pools.write_max_pool,
    Mean: pools.write_mean,
    Minimum: elementwise.binary("Min"),
    Mul: elementwise.write_mul,
    Pad: moves.write_pad,
    PRelu: rare.write_prelu,
    Quantize: elementwise.write_quantize,
    ReduceMax: rare.reduction("ReduceMax"),
    ReduceMin: rare.reduction("ReduceMin"),
    Reshape: moves.write_reshape,
    ResizeBilinear: rare.write_resize_bilinear,
    ResizeNearest: rare.write_resize_nearest,
    RmsNorm: elementwise.write_rms_norm,
    Slice: moves.write_slice,
    Softmax: elementwise.write_softmax,
    Sub: elementwise.binary("Sub"),
    Sum: rare.reduction("ReduceSum"),
    Tile: moves.write_tile,
    Transpose: moves.write_transpose,
}
"""Every op that can be written. A new one is a line here."""


def onnx_model(graph: Graph, style: Style) -> ModelProto:
    """Return the ONNX model of `graph`: its inputs and outputs keep name, shape and type.

    Raises:
        InterchangeError: ONNX has no such op, or ONNX Runtime no integer kernel for its types.
    """
    return _model(_drafted(graph, style))


def _drafted(graph: Graph, style: Style, *, is_sparse: bool = False) -> Draft:
    draft = Draft(graph=graph, style=style, is_sparse=is_sparse)
    draft.names.update((*graph.inputs, *graph.outputs))
    for name in graph.inputs:
        _add_input(draft, name)
    for node in graph.nodes:
        place = Place(draft=draft, node=node)
        if type(node.op) not in WRITERS:
            known = ", ".join(sorted(op.kind for op in WRITERS))
            raise place.refusal(f"there is no way to write {node.op.kind}", f"there is for {known}")
        require_width(place)
        already = len(draft.nodes)
        WRITERS[type(node.op)](place, node.op)
        for tensor in node.outputs:
            _name_last(draft, tensor, already)
        note_storage(place)
    for name in graph.outputs:
        _add_output(draft, name)
    return draft


def _model(draft: Draft) -> ModelProto:
    graph = draft.graph
    made = helper.make_graph(
        draft.nodes,
        graph.name,
        [_declared(graph, name) for name in graph.inputs],
        [_declared(graph, name) for name in graph.outputs],
        list(draft.constants.values()),
        sparse_initializer=list(draft.sparse.values()),
    )
    kinds = {node.op_type for node in draft.nodes}
    versions = [version for kind, version in _LATER.items() if kind in kinds]
    opset, ir_version = max([(_OPSET, _IR_VERSION), *versions])
    has_own = any(node.domain == MICROSOFT for node in draft.nodes)
    domains = [("", opset), *([(MICROSOFT, 1)] if has_own else [])]
    return helper.make_model(
        made,
        producer_name="hwsim",
        ir_version=ir_version,
        opset_imports=[helper.make_opsetid(*domain) for domain in domains],
    )


def _add_input(draft: Draft, name: str) -> None:
    type_ = draft.graph.tensors[name]
    wire = Wire(name=name, shape=type_.shape, order=identity(len(type_.shape)), quant=type_.quant)
    if type_.quant is not None and unsigned(type_.quant) != type_.quant:
        made = unsigned(type_.quant)
        codes = draft.encoded(draft.real(wire), made, f"{name}.unsigned")
        wire = Wire(name=codes, shape=wire.shape, order=wire.order, quant=made)
    draft.add(name, wire)


def _name_last(draft: Draft, tensor: str, already: int) -> None:
    """Give the name of `tensor` to what holds its values, where a step before it took the name.

    Args:
        draft: So far.
        tensor: A result of the op whose operators are the last ones.
        already: How many operators there were before it.
    """
    # Codes are known by name elsewhere, and stand behind the reals that they are made of.
    if draft.graph.tensors[tensor].quant is not None:
        return
    made = draft.nodes[already:]
    results = {name for node in made for name in node.output}
    for order, wire in draft.wires[tensor].items():
        last = wire.name
        if last == tensor or not {last, tensor} <= results:
            continue
        swapped = {tensor: last, last: tensor}
        for node in made:
            for names in (node.input, node.output):
                names[:] = [swapped.get(given, given) for given in names]
        draft.wires[tensor][order] = replace(wire, name=tensor)
        return


def _add_output(draft: Draft, name: str) -> None:
    """Give the result the name and the type that it has in the graph."""
    quant, wire = draft.graph.tensors[name].quant, draft.wire(name)
    made = wire.name
    if quant is not None and unsigned(quant) != quant:
        made = draft.encoded(draft.real(wire), quant, name)
    is_computed = any(made in node.output for node in draft.nodes)
    if not is_computed or made in draft.graph.outputs:
        made = draft.emit("Identity", [made], name)
    for node in draft.nodes:
        for names in (node.input, node.output):
            for i, given in enumerate(names):
                if given == made:
                    names[i] = name
    for known in draft.wires.values():
        for order, old in known.items():
            if old.name == made:
                known[order] = replace(old, name=name)


def _declared(graph: Graph, name: str) -> ValueInfoProto:
    type_ = graph.tensors[name]
    return helper.make_tensor_value_info(name, _element(type_), list(type_.shape))


def _element(type_: TensorType) -> int:
    dtype = np.dtype(np.float32) if type_.quant is None else type_.quant.dtype
    return helper.np_dtype_to_tensor_dtype(dtype)


def onnx_bytes(graph: Graph, style: Style) -> bytes:
    """Return the .onnx file of `graph`; see `onnx_model`."""
    return onnx_file(graph, style)[0]


def onnx_file(
    graph: Graph, style: Style, *, is_sparse: bool = False
) -> tuple[bytes, tuple[str, ...]]:
    """Return the .onnx file of `graph`, and what it holds otherwise than it lies in memory."""
    draft = _drafted(graph, style, is_sparse=is_sparse)
    try:
        content = _model(draft).SerializeToString(deterministic=True)
    except ValueError as error:
        # Protobuf's own limit.
        raise InterchangeError(f"{graph.name}: an ONNX file holds at most 2 GB") from error
    return content, (*draft.notes.lines(), *sparse_lines(draft))
