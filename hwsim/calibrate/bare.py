"""Take the conversions between int8 and uint8 off the ends of an ONNX model.

Written files take and give int8 images, and ONNX Runtime multiplies uint8: the pairs of
dequantize and quantize that stand between happen once per inference, whatever the layers are.
"""

from __future__ import annotations

from typing import Any

import onnx

_api: Any = onnx


def without_conversions(content: bytes) -> bytes:
    """Return the model with inputs and outputs as its integer layers take and give them.

    Args:
        content: An ONNX file.
    """
    model = _api.load_from_string(content)
    graph = model.graph
    for value in graph.input:
        _start_after(graph, value)
    for value in graph.output:
        _end_before(graph, value)
    return bytes(model.SerializeToString())


def _start_after(graph: Any, value: Any) -> None:
    readers = _readers(graph, value.name)
    pairs = [(node, _readers(graph, node.output[0])) for node in readers]
    if not pairs or not all(
        node.op_type == "DequantizeLinear"
        and [after.op_type for after in then] == ["QuantizeLinear"]
        for node, then in pairs
    ):
        return
    for node, (after,) in pairs:
        _rename(graph, after.output[0], value.name)
        graph.node.remove(node)
        graph.node.remove(after)
    value.type.tensor_type.elem_type = _api.TensorProto.UINT8


def _end_before(graph: Any, value: Any) -> None:
    last = _maker(graph, value.name)
    first = None if last is None else _maker(graph, last.input[0])
    if (
        last is None
        or first is None
        or (first.op_type, last.op_type) != ("DequantizeLinear", "QuantizeLinear")
    ):
        return
    value.name = first.input[0]
    value.type.tensor_type.elem_type = _api.TensorProto.UINT8
    graph.node.remove(first)
    graph.node.remove(last)


def _readers(graph: Any, tensor: str) -> list[Any]:
    return [node for node in graph.node if tensor in node.input]


def _maker(graph: Any, tensor: str) -> Any:
    return next((node for node in graph.node if tensor in node.output), None)


def _rename(graph: Any, old: str, new: str) -> None:
    for node in graph.node:
        for place, tensor in enumerate(node.input):
            if tensor == old:
                node.input[place] = new
