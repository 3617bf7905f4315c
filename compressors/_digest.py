"""A name for the content of graphs and data: equal digests, equal bits."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from hwsim.graph import Graph
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.arrays import Array
    from hwsim.data import Data

_DIGITS = 32


def digest(*parts: Graph | Data | str | None) -> str:
    """Return 32 hexadecimal digits that say what `parts` hold, in this order.

    Names of files do not count; names of tensors, nodes and graphs do.
    """
    seen = hashlib.sha256()
    for part in parts:
        for piece in _pieces(part):
            # Lengths keep pieces apart, so that no two sequences of them look alike.
            seen.update(len(piece).to_bytes(8, "little"))
            seen.update(piece)
    return seen.hexdigest()[:_DIGITS]


def _pieces(part: Graph | Data | str | None) -> Iterator[bytes]:
    if part is None or isinstance(part, str):
        yield repr(part).encode()
    elif isinstance(part, Graph):
        yield from _of_graph(part)
    else:
        yield from _of_array(part.x)
        yield from _of_array(np.empty(0) if part.y is None else part.y)


def _of_graph(graph: Graph) -> Iterator[bytes]:
    yield repr((graph.name, graph.inputs, graph.outputs, dict(graph.tensors))).encode()
    for node in graph.nodes:
        yield repr((node.name, node.op.kind, node.inputs, node.outputs)).encode()
        for field in fields(cast("Any", node.op)):
            value = getattr(node.op, field.name)
            yield field.name.encode()
            if isinstance(value, Weight):
                yield repr((value.quant, value.format, value.is_decoded)).encode()
                yield from _of_array(value.codes)
            else:
                yield repr(value).encode()


def _of_array(array: Array) -> Iterator[bytes]:
    yield repr((array.shape, str(array.dtype))).encode()
    yield np.ascontiguousarray(array).tobytes()
