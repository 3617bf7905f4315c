"""Make integer ops of reals between DequantizeLinear and QuantizeLinear, as runtimes do.

A graph comes in with float ops that read integer tensors: what stands there means their reals.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hwsim.graph import Graph, Node, validate
from hwsim.interchange.onnx.read_call import reals
from hwsim.ops import (
    Add,
    AveragePool2d,
    Concat,
    Conv2d,
    Dequantize,
    Elementary,
    LeakyRelu,
    Linear,
    MatMul,
    Mul,
    Quantize,
    ResizeBilinear,
    Softmax,
)
from hwsim.ops._activation import BOUNDS
from hwsim.ops.elementary import CLAMPS
from hwsim.tensor import TensorType

if TYPE_CHECKING:
    from hwsim.numerics import Quant
    from hwsim.op import Op
    from hwsim.ops._activation import Fused

# ONNX Runtime's list: what it multiplies, adds, joins or looks up as integers.
_INTEGER = (
    Add,
    AveragePool2d,
    Concat,
    Conv2d,
    LeakyRelu,
    Linear,
    MatMul,
    Mul,
    ResizeBilinear,
    Softmax,
)
_CLAMPED = (Add, AveragePool2d, Conv2d, Linear, Mul)


def integer_graph(graph: Graph) -> Graph:
    """Return `graph` with integer ops where all operands and the result are encoded.

    Where one is not, the op computes reals: its integer operands are decoded before it.
    """
    tensors = dict(graph.tensors)
    nodes: list[Node] = []
    merged: set[str] = set()
    decoded: dict[str, str] = {}
    for node in graph.nodes:
        if node.name in merged:
            continue
        types = graph.input_types(node)
        if isinstance(node.op, Quantize | Dequantize) or _is_ready(graph, node):
            nodes.append(node)
            continue
        ending = _ending(graph, node)
        if ending is not None and _is_integer(node.op) and all(t.quant for t in types):
            op, last, gone = ending
            name = last.name if node.name == f"{last.name}.real" else node.name
            nodes.append(replace(node, name=name, op=op, outputs=last.outputs))
            merged.update(gone)
            continue
        for tensor in node.inputs:
            if tensors[tensor].quant is not None and tensor not in decoded:
                decoded[tensor] = _free(f"{tensor}.real", tensors)
                tensors[decoded[tensor]] = TensorType(shape=tensors[tensor].shape)
                nodes.append(_dequantize(tensor, decoded[tensor]))
        inputs = tuple(decoded.get(tensor, tensor) for tensor in node.inputs)
        nodes.append(replace(node, op=_real(node.op), inputs=inputs))
    used = {*graph.inputs, *graph.outputs, *(t for n in nodes for t in (*n.inputs, *n.outputs))}
    kept = {name: type_ for name, type_ in tensors.items() if name in used}
    return validate(replace(graph, nodes=tuple(nodes), tensors=kept))


def _is_ready(graph: Graph, node: Node) -> bool:
    """Return whether `node` computes reals of reals, or moves codes."""
    is_real = all(type_.quant is None for type_ in graph.input_types(node))
    return is_real or all(type_.quant is not None for type_ in graph.output_types(node))


def _is_integer(op: Op) -> bool:
    if isinstance(op, Conv2d | Linear):
        return op.weight.quant is not None
    return isinstance(op, _INTEGER) or (isinstance(op, Elementary) and op.function == "logistic")


def _ending(graph: Graph, node: Node) -> tuple[Op, Node, set[str]] | None:
    """Return what `node` becomes if its result, perhaps clamped, is only ever quantized.

    Returns:
        The op with the clamp, the quantizing node, and the names of all nodes that it replaces.
    """
    op, gone, current = node.op, set[str](), node
    while True:
        (tensor,) = current.outputs
        readers = graph.consumers[tensor]
        if tensor in graph.outputs or len(readers) != 1:
            return None
        (current,) = readers
        gone.add(current.name)
        if isinstance(current.op, Quantize):
            return op, current, gone
        if not isinstance(current.op, Elementary) or current.op.function not in CLAMPS:
            return None
        clamp = CLAMPS[current.op.function]
        following = graph.consumers[current.outputs[0]]
        quants = [graph.output_types(n)[0].quant for n in following if isinstance(n.op, Quantize)]
        if isinstance(op, _CLAMPED) and op.activation == "none":
            op = replace(op, activation=clamp)
        elif not quants or quants[0] is None or not _is_implied(clamp, quants[0]):
            return None


def _is_implied(clamp: Fused, quant: Quant) -> bool:
    """Return whether no code means a real beyond the bounds of `clamp`."""
    low, high = BOUNDS[clamp]
    lowest = (quant.low - quant.zero_point[0]) * quant.scale[0]
    highest = (quant.high - quant.zero_point[0]) * quant.scale[0]
    return low <= lowest and highest <= high


def _real(op: Op) -> Op:
    """Return `op` with float32 weights."""
    if not isinstance(op, Conv2d | Linear) or op.weight.quant is None:
        return op
    bias = None if op.bias is None else reals(op.bias)
    return replace(op, weight=reals(op.weight), bias=bias)


def _dequantize(codes: str, real: str) -> Node:
    return Node(name=real, op=Dequantize(), inputs=(codes,), outputs=(real,))


def _free(name: str, taken: dict[str, TensorType]) -> str:
    while name in taken:
        name += "_"
    return name
