"""Read a table of layer shapes (.csv, .json): a model without its weights, for costs only.

One row per op, in an order in which they run. Columns, empty where they do not apply:

| column | what it says |
|---|---|
| name, op | of the row; `op` is `input` (the first row, it alone) or a key of `BUILDERS` |
| inputs | names of rows before, joined by `;`; the row before where it is empty |
| height, width, channels | of the input; channels of what conv2d, linear, lstm make; height and \
width of what resize_nearest, resize_bilinear make |
| kernel, stride, dilation | `3`, or height x width as `10x4`; a pool's stride is its kernel, \
others' 1; the step of a slice |
| padding | `same` (TensorFlow's, where it is empty), `valid`, `1`, `0x3` (height x width, on both \
sides) or `top;bottom;left;right` |
| groups | of conv2d, conv2d_transpose, shuffle |
| activation | fused: none, relu, relu6, relu_0_to_1, relu_n1_to_1 |
| shape | all extents, batch included, as `1x49x10`: of an input that is no image, of what reshape \
and constant make; how often tile repeats each axis |
| axes, keep_axes | of mean, sum, reduce_max, reduce_min (`1;2`, keep_axes `no`), transpose, \
concat, slice (`-1`); the batch is axis 0 |
| start, stop | of a slice along one axis: 0 and the extent where empty |
| sparsity | share of weights that are zero, stored as a bitmask |
| dead_outputs, dead_inputs | how many of the last filters, of the last input channels' columns, \
are zero, stored dense: dead channels |
| bias | `yes` adds zeros of 32 bits |
| bits | of a weight: 2, 4, 8 (where it is empty), or 32 for float32 |

`matmul_transpose_b` takes its second operand as [..., columns, depth]; `shuffle` mixes the channels
of `groups` groups. What no row reads is a result of the whole. Weights are random with a fixed
seed, none of them zero but those asked for; integer activations have 8 bits.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hwsim.errors import GraphError, InterchangeError
from hwsim.graph import Graph, Node, validate
from hwsim.interchange._topology_ops import BUILDERS
from hwsim.interchange._topology_rows import Row, read_cells
from hwsim.interchange._topology_weights import activation_quant
from hwsim.limits import TABLE_WEIGHTS
from hwsim.tensor import TensorType

if TYPE_CHECKING:
    from pathlib import Path

    from hwsim.numerics import Quant
    from hwsim.op import Op

__all__ = ["BUILDERS", "read_topology"]

# A slip of the pen must not fill the memory.
_MAX_ELEMENTS = 1 << 31
# TFLite's encodings of results that have bounds.
_SHARE, _SIGNED_SHARE = activation_quant(1 / 256, -128), activation_quant(1 / 128)
_BOUNDED = {"softmax": _SHARE, "logistic": _SHARE, "hard_sigmoid": _SHARE, "tanh": _SIGNED_SHARE}


def read_topology(path: Path) -> Graph:
    """Return the graph of a table of layer shapes, with random weights.

    JSON is the list of rows as objects, or `{"layers": [...]}`.

    Raises:
        InterchangeError: The table is damaged, names an unknown op or column, or shapes clash.
    """
    rows = [
        Row(where=f"{path.name}: row {i + 1} {cells.get('name', '')!r}", cells=cells, seed=i)
        for i, cells in enumerate(read_cells(path))
    ]
    if not rows or rows[0].cells.get("op") != "input":
        raise InterchangeError(
            f"{path.name}: the first row must have op 'input' and give height, width, channels"
        )
    tensors: dict[str, TensorType] = {}
    nodes: list[Node] = []
    weights = 0
    for row in rows:
        name = row.cells.get("name")
        if not name or name in tensors or not name.isprintable():
            raise InterchangeError(f"{row.where}: name: expected one that no row before has")
        if row is rows[0]:
            tensors[name] = _input(row)
        else:
            nodes.append(_append(row, name, tensors))
            weights += sum(constant.codes.size for constant in nodes[-1].op.constants)
            if weights > TABLE_WEIGHTS:
                raise InterchangeError(f"{row.where}: expected at most {TABLE_WEIGHTS} weights")
    graph = Graph(
        name=path.stem,
        inputs=(rows[0].cells["name"],),
        outputs=_unread(nodes) or (rows[0].cells["name"],),
        tensors=tensors,
        nodes=tuple(nodes),
    )
    try:
        return validate(graph)
    except GraphError as error:
        raise InterchangeError(f"{path.name}: {error}") from error


def _unread(nodes: list[Node]) -> tuple[str, ...]:
    """Return what no row reads: the results of the whole."""
    read = {tensor for node in nodes for tensor in node.inputs}
    return tuple(node.name for node in nodes if node.name not in read)


def _input(row: Row) -> TensorType:
    if "shape" in row.cells:
        shape = row.extents("shape")
    else:
        shape = (1, row.number("height"), row.number("width"), row.number("channels"))
    if math.prod(shape) > _MAX_ELEMENTS:
        raise InterchangeError(f"{row.where}: is {list(shape)}, which is too large")
    quant = None if row.is_float else activation_quant()
    return TensorType(shape=shape, quant=quant)


def _append(row: Row, name: str, tensors: dict[str, TensorType]) -> Node:
    """Return the row's node and enter its result into `tensors`."""
    kind = row.cells.get("op", "")
    if kind not in BUILDERS:
        raise InterchangeError(
            f"{row.where}: op {kind!r} is not supported; supported: input, {', '.join(BUILDERS)}"
        )
    previous = next(reversed(tensors))
    inputs = tuple(part.strip() for part in row.cells.get("inputs", previous).split(";"))
    if kind == "constant":
        inputs = ()
    unknown = [tensor for tensor in inputs if tensor not in tensors]
    if unknown:
        raise InterchangeError(f"{row.where}: inputs: no row before is named {unknown[0]!r}")
    operands = [tensors[tensor] for tensor in inputs]
    try:
        op = BUILDERS[kind](row, [operand.shape for operand in operands])
        (shape,) = op.infer(*(operand.shape for operand in operands))
    except GraphError as error:
        raise InterchangeError(f"{row.where}: {error}") from error
    except (ValueError, IndexError) as error:
        shapes = ", ".join(str(list(operand.shape)) for operand in operands) or "nothing"
        raise InterchangeError(f"{row.where}: inputs: {kind} does not take {shapes}") from error
    if math.prod(shape) > _MAX_ELEMENTS:
        raise InterchangeError(f"{row.where}: makes {list(shape)}, which is too large")
    tensors[name] = TensorType(shape=shape, quant=_encoding(row, op, operands))
    return Node(name=name, op=op, inputs=inputs, outputs=(name,))


def _encoding(row: Row, op: Op, operands: list[TensorType]) -> Quant | None:
    """Return how the row's result is encoded."""
    kind = row.cells["op"]
    if kind == "dequantize" or (not operands and row.is_float):
        return None
    if kind != "quantize" and operands and operands[0].quant is None:
        return None
    return operands[0].quant if op.shares_encoding else _BOUNDED.get(kind, activation_quant())
