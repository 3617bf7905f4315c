"""Read TensorFlow Lite flatbuffers (.tflite)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tflite

from hwsim.errors import GraphError, InterchangeError
from hwsim.graph import Graph, Node, validate
from hwsim.interchange.tflite.read_call import Call
from hwsim.interchange.tflite.read_moves import COMPOSITES
from hwsim.interchange.tflite.read_operators import READERS
from hwsim.interchange.tflite.read_tensors import Tensors
from hwsim.ops import Linear, Reshape

if TYPE_CHECKING:
    from pathlib import Path


IDENTIFIER = b"TFL3"

_OPERATORS: dict[int, str] = {
    code: name
    for name, code in vars(tflite.BuiltinOperator).items()
    if isinstance(code, int) and not name.startswith("_")
}


# It makes a constant of one that is stored sparse, and is no step of the model.
_EXPAND = "DENSIFY"
# Where the operands that flow stand; the others are attributes of the op.
_FIRST, _BOTH = slice(1), slice(2)
_FLOWING: dict[str, slice] = {
    **dict.fromkeys(("ADD", "BATCH_MATMUL", "DIV", "MAXIMUM", "MINIMUM", "MUL", "POW"), _BOTH),
    **dict.fromkeys(("SQUARED_DIFFERENCE", "SUB"), _BOTH),
    **dict.fromkeys(("CONCATENATION", "PACK"), slice(None)),
    "SPLIT": slice(1, 2),
    "TRANSPOSE_CONV": slice(2, 3),
}


def read_tflite(path: Path) -> Graph:
    """Return the graph of a .tflite file, tensor names kept.

    Raises:
        InterchangeError: The file is damaged, or holds an operator or type that is not supported.
    """
    content = path.read_bytes()
    if content[4:8] != IDENTIFIER:
        raise InterchangeError(
            f"{path.name}: not a TFLite file: bytes 4..7 are {content[4:8]!r}, expected 'TFL3'"
        )
    try:
        return _read(path.stem, content)
    except InterchangeError:
        raise
    except GraphError as error:
        raise InterchangeError(f"{path.name}: {error}") from error
    except Exception as error:
        # A flatbuffer is offsets into itself; damaged ones lead anywhere.
        problem = " ".join(str(error).split())
        raise InterchangeError(
            f"{path.name}: damaged TFLite file ({type(error).__name__}: {problem})"
        ) from error


def _read(name: str, content: bytes) -> Graph:
    # The generated classes declare every table as optional; a missing one fails as damage.
    model: Any = tflite.Model.GetRootAsModel(content, 0)  # pyright: ignore[reportUnknownMemberType]
    if model.SubgraphsLength() != 1:
        raise InterchangeError(
            f"{name}: has {model.SubgraphsLength()} subgraphs; models of one can be read"
        )
    subgraph: Any = model.Subgraphs(0)
    tensors = Tensors(name, content, model, subgraph)
    calls = [_call(name, model, subgraph, tensors, i) for i in range(subgraph.OperatorsLength())]
    nodes: list[Node] = []
    for operator, call in calls:
        if operator == _EXPAND:
            tensors.expand(call.inputs[0], call.outputs[0])
            continue
        flowing = [i for i in call.inputs[_FLOWING.get(operator, _FIRST)] if i >= 0]
        nodes += tensors.constant_nodes(flowing)
        for index in (*flowing, *call.outputs):
            tensors.type(index)  # Refuses what cannot flow.
        nodes += _node(operator, call, tuple(tensors.name(i) for i in flowing), tensors)
    inputs = tuple(tensors.name(i) for i in subgraph.InputsAsNumpy())
    outputs = tuple(tensors.name(i) for i in subgraph.OutputsAsNumpy())
    used = {*inputs, *outputs, *(t for n in nodes for t in (*n.inputs, *n.outputs))}
    types = {t: type_ for t, type_ in tensors.types.items() if t in used}
    return validate(
        Graph(name=name, inputs=inputs, outputs=outputs, tensors=types, nodes=tuple(nodes))
    )


def _call(name: str, model: Any, subgraph: Any, tensors: Tensors, index: int) -> tuple[str, Call]:
    operator = subgraph.Operators(index)
    code = model.OperatorCodes(operator.OpcodeIndex())
    # Codes above 126 do not fit the old byte; newer files hold them in a wider field.
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    kind = _OPERATORS.get(number, f"operator {number}")
    if kind == "CUSTOM" and code.CustomCode():
        kind = f"CUSTOM {code.CustomCode().decode(errors='replace')}"
    outputs = tuple(int(i) for i in operator.OutputsAsNumpy())
    where = f"{name}: operator {index} ({kind}, makes {tensors.name(outputs[0])!r})"
    if kind not in READERS and kind not in COMPOSITES and kind != _EXPAND:
        known = ", ".join(sorted((*READERS, *COMPOSITES, _EXPAND)))
        raise InterchangeError(f"{where} is not supported; supported operators: {known}")
    call = Call(
        where=where,
        inputs=tuple(int(i) for i in operator.InputsAsNumpy()),
        outputs=outputs,
        options=operator.BuiltinOptions(),
        tensors=tensors,
        intermediates=tuple(int(i) for i in np.atleast_1d(operator.IntermediatesAsNumpy()))
        if operator.IntermediatesLength()
        else (),
    )
    return kind, call


def _require_one_encoding(call: Call, operands: tuple[str, ...]) -> None:
    """LiteRT refuses some of these, copies codes in others, or rescales in float32."""
    result = call.tensors.type(call.outputs[0])
    different = [t for t in operands if call.tensors.types[t].quant != result.quant]
    if different:
        raise InterchangeError(
            f"{call.where}: operand {different[0]!r} and the result have different encodings, "
            "which is not supported"
        )


def _checked(nodes: list[Node], call: Call) -> list[Node]:
    """Return `nodes` if each result has the encoding of its operands where the op moves codes."""
    types = call.tensors.types
    for node in nodes:
        quants = {types[tensor].quant for tensor in (*node.inputs, *node.outputs)}
        if node.op.shares_encoding and len(quants) > 1:
            raise InterchangeError(
                f"{call.where}: operands and results have different encodings, which is not "
                "supported"
            )
    return nodes


def _node(operator: str, call: Call, operands: tuple[str, ...], tensors: Tensors) -> list[Node]:
    """Return the call's node, a reshape before it where TFLite flattens by itself."""
    if operator in COMPOSITES:
        return _checked(COMPOSITES[operator](call, operands), call)
    op = READERS[operator](call)
    result = tensors.name(call.outputs[0])
    if op.shares_encoding:
        _require_one_encoding(call, operands)
    name = tensors.node_name(call.outputs[0])
    node = Node(name=name, op=op, inputs=operands, outputs=(result,))
    if not isinstance(op, Linear):
        return [node]
    x, y = call.shape(call.inputs[0]), call.shape(call.outputs[0])
    if op.infer((*x[:-1], op.weight.shape[1])) == (y,) and x[-1] == op.weight.shape[1]:
        return [node]
    flat = tensors.flattened(call.inputs[0], op.weight.shape[1])
    reshape = Node(
        name=flat, op=Reshape(shape=tensors.types[flat].shape), inputs=operands, outputs=(flat,)
    )
    return [reshape, Node(name=name, op=op, inputs=(flat,), outputs=(result,))]
