"""Operators that TFLite writes in more ways than there are ops here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsim.errors import InterchangeError
from hwsim.graph import Graph
from hwsim.interchange.tflite.reader import read_tflite
from hwsim.numerics import Quant
from tests.oracle.tflite_writer import Call, Tensor, activation, constant, tflite_bytes

A = Quant(scale=(0.05,), zero_point=(3,))
B = Quant(scale=(0.07,), zero_point=(3,))
SHAPE = (1, 6, 4, 3)
X = activation("x", SHAPE, A)


def ints(name: str, *values: int) -> Tensor:
    return constant(name, np.array(values, np.int32))


def read(
    folder: Path, code: str, tensors: list[Tensor], table: str = "",
    outputs: tuple[str, ...] = ("y",), **options: Any,
) -> Graph:  # fmt: skip
    """Return the graph of one operator between `tensors`, of which `outputs` come last."""
    names = tuple(t.name for t in tensors if t.name not in outputs)
    call = Call(code=code, inputs=names, outputs=outputs, table=table, options=options)
    path = folder / "net.tflite"
    path.write_bytes(tflite_bytes(tensors, [call], ["x"], outputs))
    return read_tflite(path)


def kinds(graph: Graph) -> list[str]:
    return [node.op.kind for node in graph.nodes]


def test_a_dropped_axis_is_a_slice_and_a_reshape(tmp_path: Path) -> None:
    bounds = [ints("start", 0, -1, 0, 1), ints("stop", 0, 0, 4, 3), ints("step", 1, 1, 2, 1)]
    graph = read(
        tmp_path, "STRIDED_SLICE", [X, *bounds, activation("y", (1, 2, 2), A)],
        "StridedSliceOptions", EndMask=1, ShrinkAxisMask=2,
    )  # fmt: skip
    assert kinds(graph) == ["slice", "reshape"]
    op: Any = graph.nodes[0].op
    assert (op.start, op.stop, op.step) == ((0, 5, 0, 1), (1, 6, 4, 3), (1, 1, 2, 1))


def test_a_new_axis_and_an_ellipsis(tmp_path: Path) -> None:
    bounds = [ints("start", 0, 0, 0, 1), ints("stop", 1, 0, 0, 2), ints("step", 1, 1, 1, 1)]
    graph = read(
        tmp_path, "STRIDED_SLICE", [X, *bounds, activation("y", (1, 1, 6, 4, 1), A)],
        "StridedSliceOptions", NewAxisMask=2, EllipsisMask=4,
    )  # fmt: skip
    assert kinds(graph) == ["slice", "reshape"]
    op: Any = graph.nodes[0].op
    assert (op.start, op.stop) == ((0, 0, 0, 1), (1, 6, 4, 2))


def test_one_packed_operand_is_a_reshape(tmp_path: Path) -> None:
    made = activation("y", (1, 6, 1, 4, 3), A)
    graph = read(tmp_path, "PACK", [X, made], "PackOptions", Axis=2, ValuesCount=1)
    assert kinds(graph) == ["reshape"]


def test_one_gathered_row_loses_its_axis(tmp_path: Path) -> None:
    row = constant("row", np.array(2, np.int32))
    graph = read(
        tmp_path, "GATHER", [X, row, activation("y", (1, 4, 3), A)], "GatherOptions", Axis=1
    )
    assert kinds(graph) == ["gather", "reshape"]


def test_a_turned_operand_is_transposed_before_a_product(tmp_path: Path) -> None:
    x, y = activation("x", (2, 5, 3), A), activation("y", (2, 3, 4), B)
    other = constant("b", np.ones((2, 4, 5), np.int8), B)
    graph = read(
        tmp_path, "BATCH_MATMUL", [x, other, y], "BatchMatMulOptions", AdjX=True, AdjY=True
    )
    assert kinds(graph) == ["constant", "transpose", "matmul"]


REFUSED: dict[str, tuple[str, list[Tensor], str, dict[str, Any], str]] = {
    "slopes": (
        "PRELU", [X, constant("a", np.ones((4, 3), np.int8), B), activation("y", SHAPE, A)], "", {},
        r"one slope, or one for each of 3 channels, got slopes of \[4, 3\]",
    ),
    "negated_codes": (
        "NEG", [X, activation("y", SHAPE, A)], "NegOptions", {}, "negates codes whatever they mean"
    ),
    "two_positions": (
        "RESIZE_BILINEAR", [X, ints("s", 3, 2), activation("y", (1, 3, 2, 3), A)],
        "ResizeBilinearOptions", {"AlignCorners": True, "HalfPixelCenters": True},
        "align_corners and half_pixel_centers together",
    ),
    "another_log_softmax": (
        "LOG_SOFTMAX", [X, activation("y", SHAPE, A)], "LogSoftmaxOptions", {},
        "scale 1/16 and zero point 127, got 0.05 and 3",
    ),
    "backwards": (
        "STRIDED_SLICE",
        [X, ints("b", 0, 5, 0, 0), ints("e", 1, 0, 4, 3), ints("t", 1, -1, 1, 1),
         activation("y", (1, 5, 4, 3), A)],
        "StridedSliceOptions", {}, "steps backwards",
    ),
    "gathered_by_batch": (
        "GATHER", [X, ints("i", 0), activation("y", (1, 1, 4, 3), A)], "GatherOptions",
        {"Axis": 1, "BatchDims": 1}, "batch_dims 1",
    ),
    "cut_and_recoded": (
        "SLICE",
        [X, ints("b", 0, 0, 0, 0), ints("n", 1, 2, -1, 3), activation("y", (1, 2, 4, 3), B)],
        "SliceOptions", {}, "different encodings",
    ),
    "divided_and_clamped": (
        "DIV", [X, constant("b", np.ones(SHAPE, np.int8), B), activation("y", SHAPE, A)],
        "DivOptions", {"FusedActivationFunction": 1}, "a fused activation is not supported here",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_are_one_line_with_the_place(name: str, tmp_path: Path) -> None:
    code, tensors, table, options, message = REFUSED[name]
    with pytest.raises(
        InterchangeError, match=rf"^net: operator 0 \({code}, .*{message}"
    ) as caught:
        read(tmp_path, code, tensors, table, **options)
    assert "\n" not in str(caught.value)
