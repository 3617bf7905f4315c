"""Rows of layer shapes that the fuzzers of both kinds of table begin from."""

from __future__ import annotations

from hwsim.interchange._topology_ops import BUILDERS
from hwsim.interchange._topology_rows import COLUMNS

WORDS = (
    *COLUMNS, *BUILDERS, "input", "same", "valid", "3x3", "65536", "1048576x1048576", "0", "-1",
    "1x2x3x4x5x6x7x8", "relu6", "32", "8", "yes", "no", "a;b", "a", "b", "0.99", "1;2", "-2",
)  # fmt: skip
LAYERS: tuple[dict[str, str], ...] = (
    {"op": "conv2d", "channels": "4", "kernel": "3", "stride": "2", "bias": "yes"},
    {"op": "depthwise_conv2d", "kernel": "3x1", "padding": "1;0;1;0", "activation": "relu"},
    {"op": "conv2d_transpose", "channels": "2", "kernel": "2", "stride": "2"},
    {"op": "max_pool2d", "kernel": "2"},
    {"op": "average_pool2d", "kernel": "2", "stride": "1", "padding": "valid"},
    {"op": "linear", "channels": "3", "sparsity": "0.5"},
    {"op": "mean", "axes": "1;2", "keep_axes": "no"},
    {"op": "transpose", "axes": "0;2;1;3"},
    {"op": "reshape", "shape": "1x6x4"},
    {"op": "slice", "axes": "-1", "start": "1", "stop": "2"},
    {"op": "tile", "shape": "1x2x1x1"},
    {"op": "resize_nearest", "height": "4", "width": "8"},
    {"op": "concat", "inputs": "in;in", "axes": "3"},
    {"op": "add", "inputs": "in;in"},
    {"op": "softmax"},
    {"op": "shuffle", "groups": "2"},
    {"op": "batch_norm"},
)


def odd_tables() -> list[list[dict[str, str]]]:
    """Return tables whose shapes do not fit."""
    first, named = _rows()
    lstm = {"name": "r", "op": "lstm", "channels": "3"}
    return [[first, lstm], [first, named[0], named[1]]]


def tables() -> list[list[dict[str, str]]]:
    """Return a table for each kind of row, and one of several rows."""
    first, named = _rows()
    time = {"name": "in", "op": "input", "shape": "1x6x4"}
    chain = [first, named[1], named[2], named[0], named[3], named[6], named[5]]
    lstm = {"name": "r", "op": "lstm", "channels": "3"}
    return [*([first, row] for row in named), chain, [time, lstm]]


def _rows() -> tuple[dict[str, str], list[dict[str, str]]]:
    first = {"name": "in", "op": "input", "height": "2", "width": "3", "channels": "4"}
    return first, [{"name": f"l{i}", **row} for i, row in enumerate(LAYERS)]
