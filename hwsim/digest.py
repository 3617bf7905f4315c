"""Digests: a name for the content of graphs and data; equal digests, equal bits."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from hwsim.tensor import Weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hwsim.arrays import Array
    from hwsim.data import Data
    from hwsim.graph import Graph


def digest_of_graph(graph: Graph) -> str:
    """Return the SHA-256 of names, types, ops and every weight of `graph`, in hexadecimal."""
    return _sha256(_of_graph(graph))


def digest_of_data(data: Data | None) -> str:
    """Return the SHA-256 of inputs and labels, in hexadecimal; an empty text of no data.

    What file they came from does not count.
    """
    if data is None:
        return ""
    return _sha256((*_of_array(data.x), *(() if data.y is None else _of_array(data.y))))


def digest_of_texts(*texts: str) -> str:
    """Return the SHA-256 of some texts in this order, in hexadecimal."""
    return _sha256(text.encode() for text in texts)


def _sha256(pieces: Iterable[bytes]) -> str:
    seen = hashlib.sha256()
    for piece in pieces:
        # Lengths keep pieces apart, so that no two sequences of them look alike.
        seen.update(len(piece).to_bytes(8, "little"))
        seen.update(piece)
    return seen.hexdigest()


def _of_graph(graph: Graph) -> Iterator[bytes]:
    yield repr((graph.name, graph.inputs, graph.outputs)).encode()
    for name, type_ in graph.tensors.items():
        yield repr((name, type_)).encode()
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
    if array.size and not any(array.strides):
        # One number stands for all of a weight that is priced and never run.
        yield array.flat[0].tobytes()
        return
    yield np.ascontiguousarray(array).tobytes()
