"""Every op that a table of layer shapes may name: what its row makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsim.channels.dead import without_dead
from hwsim.errors import InterchangeError
from hwsim.graph import Graph
from hwsim.interchange import load
from hwsim.interchange.topology import BUILDERS
from hwsim.ops.elementary import FUNCTIONS

IMAGE = {"name": "image", "op": "input", "height": 8, "width": 6, "channels": 4}
CONV = {"name": "a", "op": "conv2d", "channels": 4, "kernel": 3}
SAME, PIXELS = (1, 8, 6, 4), 8 * 6

# By op: cells of a row after CONV, the shape it makes, its multiply-accumulates.
ROWS: dict[str, tuple[dict[str, Any], tuple[int, ...], int]] = {
    "conv2d": ({"channels": 2, "kernel": "3x1", "stride": "2x1"}, (1, 4, 6, 2), 24 * 2 * 3 * 4),
    "depthwise_conv2d": ({"kernel": 3, "dilation": 2}, SAME, PIXELS * 4 * 9),
    "conv2d_transpose": (
        {"channels": 2, "kernel": 4, "stride": 2},
        (1, 16, 12, 2),
        PIXELS * 2 * 16 * 4,
    ),
    "linear": ({"channels": 5}, (1, 8, 6, 5), PIXELS * 20),
    "lstm": ({"channels": 3}, (1, 48, 3), PIXELS * 12 * 7),
    "matmul": ({"inputs": "a;turned"}, (1, 8, 6, 6), 8 * 6 * 6 * 4),
    "matmul_transpose_b": ({"inputs": "a;image"}, (1, 8, 6, 6), 8 * 6 * 6 * 4),
    **{op: ({"inputs": "a;image"}, SAME, 0) for op in ("add", "sub", "mul", "div")},
    **{op: ({"inputs": "a;image"}, SAME, 0) for op in ("maximum", "minimum")},
    "max_pool2d": ({"kernel": "2x3", "padding": "valid"}, (1, 4, 2, 4), 0),
    "average_pool2d": ({"kernel": 3, "stride": 2, "padding": "0;1;0;1"}, (1, 4, 3, 4), 0),
    "global_average_pool": ({}, (1, 1, 1, 4), 0),
    "global_max_pool": ({}, (1, 1, 1, 4), 0),
    "mean": ({}, (1, 4), 0),
    "sum": ({"axes": "-1"}, (1, 8, 6), 0),
    "reduce_max": ({"keep_axes": "yes"}, (1, 1, 1, 4), 0),
    "reduce_min": ({"axes": "0;3"}, (8, 6), 0),
    **{op: ({}, SAME, 0) for op in ("softmax", "log_softmax", "leaky_relu", "prelu")},
    **{op: ({}, SAME, 0) for op in ("batch_norm", "layer_norm", "rms_norm")},
    **{op: ({}, SAME, 0) for op in FUNCTIONS},
    "concat": ({"inputs": "a;image", "axes": 1}, (1, 16, 6, 4), 0),
    "slice": ({"axes": 2, "start": 1, "stop": 6, "stride": 2}, (1, 8, 3, 4), 0),
    "shuffle": ({"groups": 2}, SAME, 0),
    "pad": ({"padding": "0x2"}, (1, 8, 10, 4), 0),
    "flatten": ({}, (1, 192), 0),
    "reshape": ({"shape": "1x48x4"}, (1, 48, 4), 0),
    "transpose": ({"axes": "0;1;3;2"}, (1, 8, 4, 6), 0),
    "tile": ({"shape": "1x2x1x3"}, (1, 16, 6, 12), 0),
    "resize_nearest": ({"height": 16, "width": 3}, (1, 16, 3, 4), 0),
    "resize_bilinear": ({"height": 4, "width": 12}, (1, 4, 12, 4), 0),
    "constant": ({"shape": "1x3"}, (1, 3), 0),
    "quantize": ({}, SAME, 0),
    "dequantize": ({}, SAME, 0),
}
# Rows that some ops need before theirs.
BEFORE: dict[str, dict[str, Any]] = {
    "lstm": {"name": "sequence", "op": "reshape", "shape": "1x48x4"},
    "matmul": {"name": "turned", "op": "transpose", "axes": "0;1;3;2", "inputs": "image"},
}


def read(folder: Path, *rows: dict[str, Any], image: dict[str, Any] = IMAGE) -> Graph:
    path = folder / "t.json"
    path.write_text(json.dumps([image, *rows]), encoding="utf-8")
    return load(path)


def test_every_op_has_a_case() -> None:
    assert set(ROWS) == set(BUILDERS)


@pytest.mark.parametrize("bits", [8, 32])
@pytest.mark.parametrize("op", ROWS)
def test_rows_make_what_they_say(op: str, bits: int, tmp_path: Path) -> None:
    cells, shape, macs = ROWS[op]
    rows = [CONV, *([BEFORE[op]] if op in BEFORE else []), {"name": "y", "op": op, **cells}]
    image, *typed = [{**row, "bits": bits} for row in (IMAGE, *rows)]
    graph = read(tmp_path, *typed, image=image)
    node = graph.producers["y"]
    assert graph.tensors["y"].shape == shape
    assert graph.workload(node).macs == macs
    inputs = [np.ones((2, *graph.tensors[name].shape)) for name in node.inputs]
    (result,) = node.op.reference(*inputs)
    assert result.shape[1:] == shape
    is_real = bits == 32 and op != "quantize"
    assert (graph.tensors["y"].quant is None) == (is_real or op == "dequantize")


def test_channels_are_shuffled_between_groups(tmp_path: Path) -> None:
    row = {"name": "y", "op": "shuffle", "groups": 2}
    graph = read(tmp_path, row, image={**IMAGE, "channels": 6})
    (result,) = graph.producers["y"].op.reference(np.arange(6.0).reshape(1, 1, 1, 1, 6))
    assert result.reshape(-1).tolist() == [0, 3, 1, 4, 2, 5]


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        ("", ((1, 1), (1, 1))),
        ("valid", ((0, 0), (0, 0))),
        ("2", ((2, 2), (2, 2))),
        ("0x3", ((0, 0), (3, 3))),
        ("0;1;2;3", ((0, 1), (2, 3))),
    ],
)
def test_padding(padding: str, expected: tuple[Any, Any], tmp_path: Path) -> None:
    op: Any = read(tmp_path, {**CONV, "padding": padding}).nodes[0].op
    assert op.padding == expected


def test_transposed_convolutions_enlarge_by_their_stride(tmp_path: Path) -> None:
    for kernel in (1, 2, 3, 4, 5):
        row = {"name": "y", "op": "conv2d_transpose", "channels": 1, "kernel": kernel, "stride": 2}
        assert read(tmp_path, row).tensors["y"].shape == (1, 16, 12, 1)


@pytest.mark.parametrize("bits", [2, 4, 8, 32])
def test_only_dead_channels_hold_zeros(bits: int, tmp_path: Path) -> None:
    dead = {"dead_outputs": 3, "dead_inputs": 1, "bits": bits, "channels": 9}
    op: Any = read(tmp_path, {**CONV, **dead}).nodes[0].op
    zero = op.weight.codes == 0
    assert op.weight.format.name == "dense"
    assert zero[6:].all()
    assert zero[..., 3:].all()
    assert not zero[:6, :, :, :3].any()


def test_dead_channels_can_be_removed(tmp_path: Path) -> None:
    """As many die as the larger of zero filters and unread channels."""
    rows = [
        {**CONV, "channels": 8, "dead_outputs": 2, "activation": "relu", "bias": "yes"},
        {"name": "b", "op": "depthwise_conv2d", "kernel": 3, "bias": "yes"},
        {"name": "c", "op": "conv2d", "channels": 5, "kernel": 1, "dead_inputs": 3, "bias": "yes"},
    ]
    live = without_dead(read(tmp_path, *rows))
    assert [node.op.weight.shape for node in live.nodes if node.op.weight is not None] == [
        (5, 3, 3, 4),
        (5, 3, 3, 1),
        (5, 1, 1, 5),
    ]


def test_results_are_what_nobody_reads(tmp_path: Path) -> None:
    rows = [CONV, {**CONV, "name": "b", "inputs": "image"}, {"name": "c", "op": "relu"}]
    assert read(tmp_path, *rows).outputs == ("a", "c")


def test_integers_between_real_ends(tmp_path: Path) -> None:
    rows = [
        {"name": "q", "op": "quantize"},
        CONV,
        {"name": "s", "op": "softmax"},
        {"name": "flat", "op": "flatten"},
        {"name": "d", "op": "dequantize"},
    ]
    graph = read(tmp_path, *rows, image={**IMAGE, "bits": 32})
    types = [type_.dtype for type_ in graph.tensors.values()]
    assert types == ["float32", "int8", "int8", "int8", "int8", "float32"]
    # TFLite's softmax fixes its scale, and what only moves codes keeps it.
    assert graph.tensors["flat"].quant == graph.tensors["s"].quant
    assert graph.tensors["s"].quant != graph.tensors["a"].quant


def test_large_weights_repeat_but_hold_no_zero(tmp_path: Path) -> None:
    rows = [{"name": "f", "op": "flatten"}, {"name": "y", "op": "linear", "channels": 12000}]
    op: Any = read(tmp_path, *rows).nodes[1].op
    codes = op.weight.codes.reshape(-1)
    assert codes.dtype == np.int8
    assert codes.all()
    np.testing.assert_array_equal(codes[: codes.size - (1 << 20)], codes[1 << 20 :])


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "three extents": (
        {**CONV, "kernel": "1x2x3"},
        "kernel: expected an integer 1..1048576, or two",
    ),
    "no extent": ({**CONV, "stride": "x"}, "stride: expected an integer"),
    "zero": ({**CONV, "stride": "0x1"}, "stride: expected an integer"),
    "three sides": ({**CONV, "padding": "1;2;3"}, "padding: expected same or valid, 1, 0x3"),
    "negative side": ({**CONV, "padding": "-1"}, "padding: expected same or valid"),
    "pad by nothing": ({"name": "y", "op": "pad"}, "padding: expected 1, 0x3 or top;"),
    "axis": ({"name": "y", "op": "mean", "axes": "4"}, "axes: expected axes of 4 extents as 1;2"),
    "two axes": ({"name": "y", "op": "slice", "axes": "1;2"}, "axes: expected one axis"),
    "same axis": ({"name": "y", "op": "mean", "axes": "1;1"}, "mean over axes [1, 1]"),
    "keep": ({"name": "y", "op": "sum", "keep_axes": "1"}, "keep_axes: expected yes or no"),
    "shape": ({"name": "y", "op": "reshape", "shape": "1x-1"}, "shape: expected 1 to 8 integers"),
    "elements": ({"name": "y", "op": "reshape", "shape": "1x5"}, "reshape cannot make [1, 5]"),
    "empty slice": ({"name": "y", "op": "slice", "start": 4}, "leaves [1, 8, 6, 4]"),
    "shuffle": ({"name": "y", "op": "shuffle", "groups": 3}, "groups: expected a divisor of 4"),
    "all dead": ({**CONV, "dead_outputs": 4}, "dead_outputs: expected fewer than all 4, got '4'"),
    "unread": ({**CONV, "dead_inputs": 4}, "dead_inputs: expected fewer than all 4"),
    "bias": ({**CONV, "bias": "1"}, "bias: expected yes or no, got '1'"),
    "size": ({"name": "y", "op": "resize_nearest", "height": 3}, "width: expected an integer"),
    "much": ({"name": "y", "op": "tile", "shape": "99999x99999x1x1"}, "which is too large"),
    "operands": ({"name": "y", "op": "matmul"}, "row 2 'y': "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named(case: str, tmp_path: Path) -> None:
    row, message = REFUSED[case]
    with pytest.raises(InterchangeError) as caught:
        read(tmp_path, row)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_huge_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InterchangeError, match="which is too large"):
        read(tmp_path, CONV, image={"name": "x", "op": "input", "shape": "99999x99999x2"})
