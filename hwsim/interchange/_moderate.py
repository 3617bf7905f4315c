"""Graphs out of files are of moderate size, whoever wrote them; see hwsim/limits.py."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

from hwsim.errors import InterchangeError
from hwsim.limits import GRAPH_NODES, TENSOR_ELEMENTS, WINDOW_EXTENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.graph import Graph, Node

_WINDOWS = ("kernel", "stride", "dilation", "padding", "extra")


def moderate(graph: Graph, where: str) -> Graph:
    """Return `graph`, which was read from the file `where`.

    Raises:
        InterchangeError: It has too many nodes, or windows that no image has.
    """
    if len(graph.nodes) > GRAPH_NODES:
        raise InterchangeError(
            f"{where}: expected at most {GRAPH_NODES} nodes, got {len(graph.nodes)}"
        )
    for node in graph.nodes:
        for name in _WINDOWS:
            given = [abs(n) for n in _numbers(getattr(node.op, name, ()))]
            if max(given, default=0) > WINDOW_EXTENT:
                raise InterchangeError(
                    f"{where}: {node.name}: expected a {name} of at most {WINDOW_EXTENT}, "
                    f"got {max(given)}"
                )
        _require_padded(graph, node, where)
    return graph


def _require_padded(graph: Graph, node: Node, where: str) -> None:
    """Refuse images that their padding alone makes huge: kernels hold them whole."""
    padding = cast("object", getattr(node.op, "padding", None))
    if not isinstance(padding, tuple) or not node.inputs:
        return
    pairs = [sum(_numbers(pair)) for pair in cast("tuple[object, ...]", padding)]
    shape = graph.tensors[node.inputs[0]].shape
    # Windows pad height and width, between the batch and the channels; others every axis.
    before = 1 if len(pairs) == 2 and len(shape) == 4 else 0
    padded = list(shape)
    for axis, more in enumerate(pairs, before):
        if axis < len(padded):
            padded[axis] += more
    if math.prod(padded) > TENSOR_ELEMENTS:
        raise InterchangeError(
            f"{where}: {node.name}: expected at most {TENSOR_ELEMENTS} elements with padding, "
            f"got {padded}"
        )


def _numbers(value: object) -> Iterator[int]:
    """Yield the whole numbers of nested tuples."""
    if isinstance(value, int):
        yield value
    elif isinstance(value, tuple):
        for part in cast("tuple[object, ...]", value):
            yield from _numbers(part)
