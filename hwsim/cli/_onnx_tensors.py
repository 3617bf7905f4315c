"""Tensors of an .onnx file as the graph holds them: images channels last, codes of its type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange.onnx.reader import onnx_axis_orders

if TYPE_CHECKING:
    from pathlib import Path

    from hwsim.arrays import Array
    from hwsim.graph import Graph
    from hwsim.peers import Peer
    from hwsim.tensor import TensorType

# ONNX Runtime's integer kernels like uint8: zero point and codes of int8, moved by this.
_TO_SIGNED = 128
# How images lie in a file, seen from the graph, where reading it again does not tell.
_CHANNELS_FIRST = (0, 2, 3, 1)


def onnx_tensors(peer: Peer, path: Path, graph: Graph, x: Array) -> dict[str, Array]:
    """Return the tensors of `graph` that `peer` gives for `x`; see `Peer.run`.

    Raises:
        DataError: The peer refuses the model or the inputs.
        InterchangeError: The file cannot be read.
    """
    orders = onnx_axis_orders(path)
    source = graph.inputs[0]
    given = peer.run(path, _in_file(x, orders.get(source)), tuple(graph.tensors))
    kept: dict[str, Array] = {}
    for name, value in given.items():
        if name not in graph.tensors or name == source:
            continue
        order = orders.get(name)
        if order is None and len(graph.tensors[name].shape) == 4 and name not in graph.outputs:
            order = _CHANNELS_FIRST
        laid = _in_graph(value, order, graph.tensors[name])
        if laid is not None:
            kept[name] = _as_codes(laid, graph.tensors[name])
    return kept


def _in_file(x: Array, order: tuple[int, ...] | None) -> Array:
    """Return inputs [samples, ...] in the file's order of axes."""
    if order is None or x.ndim != len(order) + 1:
        return x
    return np.ascontiguousarray(x.transpose(0, *(1 + int(i) for i in np.argsort(order))))


def _in_graph(value: Array, order: tuple[int, ...] | None, type_: TensorType) -> Array | None:
    """Return a result [samples, ...] in the graph's order of axes; None where it does not fit."""
    shape = (len(value), *type_.shape)
    candidates = [value]
    if order is not None and value.ndim == len(order) + 1:
        candidates.insert(0, value.transpose(0, *(1 + i for i in order)))
    if value.ndim > 2:
        candidates.append(np.moveaxis(value, 2, -1))
    return next((candidate for candidate in candidates if candidate.shape == shape), None)


def _as_codes(value: Array, type_: TensorType) -> Array:
    quant = type_.quant
    if quant is None or quant.bits != 8 or value.dtype.kind not in "iu":
        return value
    if value.dtype == quant.dtype:
        return value
    moved = -_TO_SIGNED if value.dtype == np.uint8 else _TO_SIGNED
    return (value.astype(np.int16) + moved).astype(quant.dtype)
