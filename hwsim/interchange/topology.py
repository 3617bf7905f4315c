"""Read a table of layer shapes (.csv, .json): a model without its weights, for costs only.

Columns, empty where they do not apply; `inputs` is the row before unless it says otherwise:

    name, op, inputs, height, width, channels, kernel, stride, padding, groups, activation,
    sparsity, bits

`op` is input, conv2d, depthwise_conv2d, linear, add, concat, max_pool2d, average_pool2d,
global_average_pool, flatten or softmax. The first row is the `input` and gives height, width and
channels; elsewhere `channels` are output channels. Weights are random with a fixed seed, a share
`sparsity` of them zero (stored as a bitmask); integers of `bits` (default 8), or float32 where
bits is 32.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from hwsim.errors import GraphError, InterchangeError
from hwsim.graph import Graph, Node, validate
from hwsim.interchange._topology_rows import Row, read_cells
from hwsim.kernels.patches import same_padding
from hwsim.numerics import Quant
from hwsim.ops import Add, AveragePool2d, Concat, Conv2d, Linear, MaxPool2d, Reshape, Softmax
from hwsim.tensor import TensorType

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hwsim.arrays import Shape
    from hwsim.kernels.patches import Padding
    from hwsim.op import Op

# Any positive scale would do: only shapes and zeros of such a model mean something.
_ACTIVATIONS = Quant(scale=(0.05,), bits=8)
# A slip of the pen must not fill the memory.
_MAX_ELEMENTS = 1 << 31
_SOFTMAX_OUTPUT = Quant(scale=(1 / 256,), zero_point=(-128,), bits=8)


def _padding(row: Row, x: Shape, kernel: int, stride: int) -> Padding:
    if row.text("padding", "same", ("same", "valid")) == "valid":
        return (0, 0), (0, 0)
    return same_padding(x[1], kernel, stride), same_padding(x[2], kernel, stride)


def _conv(row: Row, shapes: list[Shape]) -> Op:
    (x,) = shapes
    is_depthwise = row.cells["op"] == "depthwise_conv2d"
    kernel, stride = row.number("kernel"), row.number("stride", 1)
    groups = x[3] if is_depthwise else row.number("groups", 1)
    out = row.number("channels", x[3] if is_depthwise else None)
    if x[3] % groups or out % groups:
        raise InterchangeError(f"{row.where}: {groups} groups do not divide {x[3]} and {out}")
    return Conv2d(
        weight=row.weight((out, kernel, kernel, x[3] // groups)),
        stride=(stride, stride),
        padding=_padding(row, x, kernel, stride),
        groups=groups,
        activation=cast("Any", row.text("activation", "none", ("none", "relu", "relu6"))),
    )


def _linear(row: Row, shapes: list[Shape]) -> Op:
    (x,) = shapes
    return Linear(
        weight=row.weight((row.number("channels"), x[-1])),
        activation=cast("Any", row.text("activation", "none", ("none", "relu", "relu6"))),
    )


def _pool(row: Row, shapes: list[Shape]) -> Op:
    (x,) = shapes
    kernel = row.number("kernel")
    stride = row.number("stride", kernel)
    pool = MaxPool2d if row.cells["op"] == "max_pool2d" else AveragePool2d
    return pool(
        kernel=(kernel, kernel),
        stride=(stride, stride),
        padding=_padding(row, x, kernel, stride),
    )


def _global_pool(row: Row, shapes: list[Shape]) -> Op:
    del row
    (x,) = shapes
    return AveragePool2d(kernel=(x[1], x[2]), stride=(1, 1))


def _flatten(row: Row, shapes: list[Shape]) -> Op:
    del row
    (x,) = shapes
    return Reshape(shape=(x[0], int(np.prod(x[1:]))))


BUILDERS: dict[str, Callable[[Row, list[Shape]], Op]] = {
    "conv2d": _conv,
    "depthwise_conv2d": _conv,
    "linear": _linear,
    "add": lambda row, shapes: Add(),
    "concat": lambda row, shapes: Concat(axis=-1),
    "max_pool2d": _pool,
    "average_pool2d": _pool,
    "global_average_pool": _global_pool,
    "flatten": _flatten,
    "softmax": lambda row, shapes: Softmax(),
}
"""Every op that a table may name."""


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
    for row in rows:
        name = row.cells.get("name")
        if not name or name in tensors or not name.isprintable():
            raise InterchangeError(f"{row.where}: name: expected one that no row before has")
        if row is rows[0]:
            shape = (1, row.number("height"), row.number("width"), row.number("channels"))
            tensors[name] = TensorType(shape=shape, quant=None if row.is_float else _ACTIVATIONS)
        else:
            nodes.append(_append(row, name, tensors))
    graph = Graph(
        name=path.stem,
        inputs=(rows[0].cells["name"],),
        outputs=(rows[-1].cells["name"],),
        tensors=tensors,
        nodes=tuple(nodes),
    )
    try:
        return validate(graph)
    except GraphError as error:
        raise InterchangeError(f"{path.name}: {error}") from error


def _append(row: Row, name: str, tensors: dict[str, TensorType]) -> Node:
    """Return the row's node and enter its result into `tensors`."""
    previous = next(reversed(tensors))
    inputs = tuple(part.strip() for part in row.cells.get("inputs", previous).split(";"))
    unknown = [tensor for tensor in inputs if tensor not in tensors]
    if unknown:
        raise InterchangeError(f"{row.where}: inputs: no row before is named {unknown[0]!r}")
    kind = row.cells.get("op", "")
    if kind not in BUILDERS:
        raise InterchangeError(
            f"{row.where}: op {kind!r} is not supported; supported: input, {', '.join(BUILDERS)}"
        )
    shapes = [tensors[tensor].shape for tensor in inputs]
    try:
        op = BUILDERS[kind](row, shapes)
        (shape,) = op.infer(*shapes)
    except (GraphError, ValueError, IndexError) as error:
        raise InterchangeError(f"{row.where}: {error}") from error
    if math.prod(shape) > _MAX_ELEMENTS:
        raise InterchangeError(f"{row.where}: makes {list(shape)}, which is too large")
    quant = tensors[inputs[0]].quant
    if quant is not None:
        quant = _SOFTMAX_OUTPUT if kind == "softmax" else _ACTIVATIONS
    tensors[name] = TensorType(shape=shape, quant=quant)
    return Node(name=name, op=op, inputs=inputs, outputs=(name,))
