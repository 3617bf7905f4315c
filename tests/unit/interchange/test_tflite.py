"""The TFLite reader: what it reads, what it refuses by name, and damaged files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsim.errors import InterchangeError
from hwsim.execute import run
from hwsim.graph import Graph
from hwsim.interchange import load
from hwsim.numerics import Quant
from tests.oracle import single_ops
from tests.oracle.single_ops import CASES, Case, Draw
from tests.oracle.tflite_writer import Call, Tensor, activation, constant, tflite_bytes
from tests.unit.interchange.damage import flips, read, truncations

INT8 = Quant(scale=(0.5,), zero_point=(3,))
OTHER = Quant(scale=(0.25,), zero_point=(3,))


def written(
    folder: Path, tensors: list[Tensor], *calls: Call, inputs: tuple[str, ...] = ("x",)
) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(tflite_bytes(tensors, calls, inputs, [calls[-1].outputs[0]]))
    return path


def relu(x: Tensor, y: Tensor) -> tuple[list[Tensor], Call]:
    return [x, y], Call(code="RELU", inputs=("x",), outputs=("y",))


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_names_and_shapes_are_kept(make: Callable[[Draw], Case], tmp_path: Path) -> None:
    case = make(Draw(1))
    path = tmp_path / "one.tflite"
    path.write_bytes(case.content)
    graph = load(path)
    assert (graph.name, graph.inputs, graph.outputs) == ("one", ("x",), ("y",))
    sample = case.x.shape[1:]
    assert graph.tensors["x"].shape == (sample if make is single_ops.linear else (1, *sample))


def test_weights_of_a_depthwise_convolution_are_turned(tmp_path: Path) -> None:
    codes = np.arange(12, dtype=np.int8).reshape(1, 2, 2, 3)
    call = Call(
        code="DEPTHWISE_CONV_2D",
        inputs=("x", "w"),
        outputs=("y",),
        table="DepthwiseConv2DOptions",
        options={"Padding": 1, "StrideW": 1, "StrideH": 1, "DepthMultiplier": 1},
    )
    per_channel = Quant(scale=(1.0, 2.0, 4.0), zero_point=(0, 0, 0), axis=3)
    tensors = [
        activation("x", (1, 2, 2, 3), INT8),
        constant("w", codes, per_channel),
        activation("y", (1, 1, 1, 3), INT8),
    ]
    op: Any = load(written(tmp_path, tensors, call)).nodes[0].op
    assert op.weight.codes[1, :, :, 0].tolist() == [[1, 4], [7, 10]]
    assert (op.weight.quant.axis, op.weight.quant.scale, op.groups) == (0, (1.0, 2.0, 4.0), 3)


def test_as_many_scales_as_channels(tmp_path: Path) -> None:
    call = Call(
        code="FULLY_CONNECTED",
        inputs=("x", "w"),
        outputs=("y",),
        table="FullyConnectedOptions",
        options={},
    )
    tensors = [
        activation("x", (1, 2), INT8),
        constant(
            "w", np.ones((3, 2), np.int8), Quant(scale=(1.0,) * 4, zero_point=(0,) * 4, axis=0)
        ),
        activation("y", (1, 3), INT8),
    ]
    with pytest.raises(InterchangeError, match=r"'w' of shape \[3, 2\] has 4 scales along axis 0"):
        load(written(tmp_path, tensors, call))


def test_a_fully_connected_layer_flattens_its_input(tmp_path: Path) -> None:
    weights = np.ones((2, 12), np.float32)
    call = Call(
        code="FULLY_CONNECTED",
        inputs=("x", "w"),
        outputs=("y",),
        table="FullyConnectedOptions",
    )
    tensors = [activation("x", (1, 2, 2, 3)), constant("w", weights), activation("y", (1, 2))]
    graph = load(written(tmp_path, tensors, call))
    assert [node.op.kind for node in graph.nodes] == ["reshape", "linear"]
    assert run(graph, np.ones((1, 2, 2, 3), np.float32)).tolist() == [[12.0, 12.0]]


def test_a_single_scale_may_name_an_axis(tmp_path: Path) -> None:
    x = Tensor(
        name="x", shape=(1, 4), dtype="int8", quant=Quant(scale=(0.5,), zero_point=(3,), axis=3)
    )
    tensors, call = relu(x, activation("y", (1, 4), OTHER))
    assert load(written(tmp_path, tensors, call)).tensors["x"].quant == INT8


def test_two_tensors_of_one_name_are_told_apart(tmp_path: Path) -> None:
    tensors = [activation("x", (1, 4)), activation("y", (1, 4)), activation("y", (1, 4))]
    # The writer finds tensors by name, so both calls make the last one: refused as made twice.
    call = Call(code="RELU", inputs=("x",), outputs=("y",))
    graph = load(written(tmp_path, tensors, call))
    assert graph.outputs == ("y#2",)


def test_names_that_cannot_be_printed_are_escaped(tmp_path: Path) -> None:
    tensors = [activation("x", (1, 4)), activation("a\nb\x00", (1, 4))]
    call = Call(code="RELU", inputs=("x",), outputs=("a\nb\x00",))
    assert load(written(tmp_path, tensors, call)).outputs == ("a\\nb\\x00",)


REFUSED: dict[str, tuple[list[Tensor], Call, str]] = {
    "no scale": (
        *relu(
            Tensor(name="x", shape=(1, 4), dtype="int8"),
            Tensor(name="y", shape=(1, 4), dtype="int8"),
        ),
        "'x' is int8, but has not one scale",
    ),
    "two scales": (
        *relu(
            Tensor(
                name="x",
                shape=(1, 2),
                dtype="int8",
                quant=Quant(scale=(0.5, 0.25), zero_point=(0, 0), axis=1),
            ),
            activation("y", (1, 2), INT8),
        ),
        "'x' is int8, but has not one scale",
    ),
    "int32": (
        *relu(
            Tensor(name="x", shape=(1, 4), dtype="int32"),
            Tensor(name="y", shape=(1, 4), dtype="int32"),
        ),
        "int32",
    ),
    "nine axes": (
        *relu(activation("x", (1,) * 9, INT8), activation("y", (1,) * 9, INT8)),
        "9 axes",
    ),
    "huge": (
        *relu(activation("x", (65536, 65536), INT8), activation("y", (65536, 65536), INT8)),
        "more elements than 32 bits can count",
    ),
    "negative": (
        *relu(activation("x", (1, -1), INT8), activation("y", (1, -1), INT8)),
        "extents are >= 1",
    ),
    "two encodings": (
        [activation("x", (1, 2, 2, 1), INT8), activation("y", (1, 2, 2, 1), OTHER)],
        Call(
            code="MAX_POOL_2D",
            inputs=("x",),
            outputs=("y",),
            table="Pool2DOptions",
            options={"StrideW": 1, "StrideH": 1, "FilterWidth": 1, "FilterHeight": 1},
        ),
        "operator 0 (MAX_POOL_2D, makes 'y'): operand 'x' and the result have different encodings",
    ),
    "softmax": (
        [activation("x", (1, 4), INT8), activation("y", (1, 4), OTHER)],
        Call(code="SOFTMAX", inputs=("x",), outputs=("y",), table="SoftmaxOptions"),
        "scale 1/256 and zero point -128, got 8 bits, scale 0.25 and zero point 3",
    ),
    "unknown": (
        [activation("x", (1, 4)), activation("y", (1, 4))],
        Call(code="COS", inputs=("x",), outputs=("y",)),
        "operator 0 (COS, makes 'y') is not supported; supported operators: ABS, ADD",
    ),
    "activation": (
        [activation("x", (1, 4)), activation("y", (1, 4))],
        Call(
            code="ADD",
            inputs=("x", "x"),
            outputs=("y",),
            table="AddOptions",
            options={"FusedActivationFunction": 4},
        ),
        "fused activation 4 is not supported",
    ),
    "computed weight": (
        [activation("x", (1, 4), INT8), activation("y", (1, 4), INT8)],
        Call(
            code="FULLY_CONNECTED",
            inputs=("x", "x"),
            outputs=("y",),
            table="FullyConnectedOptions",
        ),
        "tensor 'x': expected 4 bytes of values, got 0",
    ),
    "cycle": (
        [activation("x", (1, 4)), activation("y", (1, 4))],
        Call(code="RELU", inputs=("y",), outputs=("y",)),
        "cycle",
    ),
    "made twice": (
        [activation("x", (1, 4))],
        Call(code="RELU", inputs=("x",), outputs=("x",)),
        "exists already",
    ),
    "shape": (
        [activation("x", (1, 4)), activation("y", (1, 5))],
        Call(code="RELU", inputs=("x",), outputs=("y",)),
        "elementary makes [1, 4], but its tensors are [1, 5]",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named(case: str, tmp_path: Path) -> None:
    tensors, call, message = REFUSED[case]
    path = written(tmp_path, tensors, call)
    with pytest.raises(InterchangeError) as caught:
        load(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith("model")


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\0" * 100, b"\x1c\0\0\0TFL3", b"PK\3\4" * 9])
def test_what_is_no_tflite_file(content: bytes, tmp_path: Path) -> None:
    assert isinstance(read(tmp_path / "a.tflite", content), str)


DAMAGED = (
    single_ops.conv,
    single_ops.depthwise,
    single_ops.linear,
    single_ops.pad,
    single_ops.concat,
    single_ops.softmax,
    single_ops.transpose,
)


@pytest.mark.parametrize("make", DAMAGED, ids=lambda make: make.__name__)
def test_a_file_cut_off(make: Callable[[Draw], Case], tmp_path: Path) -> None:
    for content in truncations(make(Draw(1)).content, 150):
        read(tmp_path / "cut.tflite", content)


@pytest.mark.parametrize("make", DAMAGED, ids=lambda make: make.__name__)
def test_a_file_with_wrong_bytes(make: Callable[[Draw], Case], tmp_path: Path) -> None:
    found = [read(tmp_path / "f.tflite", c) for c in flips(make(Draw(1)).content, 300, seed=5)]
    # Neither all refused nor all read: both ways have been walked.
    assert {type(result) for result in found} == {str, Graph}
