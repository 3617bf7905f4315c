"""The TFLite writer: what stands in the file, what is refused, and what is left behind."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite

import compressors
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.errors import InterchangeError
from hwsim.graph import Graph, validate
from hwsim.interchange import load, save
from hwsim.interchange.tflite.names import NODE_NAMES
from hwsim.numerics import Quant
from hwsim.ops import Conv2d, Elementary
from tests.equality import difference
from tests.graphs import GraphBuilder, mlp, residual, samples, separable, with_op
from tests.unit.interchange.damage import flips, read, truncations

INT8 = Quant(scale=(0.5,), zero_point=(3,))


def quantized(graph: Graph, recipe: str = "quantize") -> Graph:
    x = samples(graph, 4)[:, 0].astype(np.float32)
    return compressors.parse(recipe).apply(graph, Data(x=x))


class File:
    """A written file, opened with the schema alone."""

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes()
        schema: Any = tflite
        self.model: Any = schema.Model.GetRootAsModel(self.content, 0)
        self.main: Any = self.model.Subgraphs(0)
        tensors = map(self.main.Tensors, range(self.main.TensorsLength()))
        self.tensors: dict[str, Any] = {tensor.Name().decode(): tensor for tensor in tensors}
        operators: Any = schema.BuiltinOperator
        codes = {getattr(operators, name): name for name in dir(operators) if name.isupper()}
        self.calls: list[tuple[str, int]] = []
        for i in range(self.main.OperatorsLength()):
            code = self.model.OperatorCodes(self.main.Operators(i).OpcodeIndex())
            assert code.DeprecatedBuiltinCode() == min(code.BuiltinCode(), 127)
            self.calls.append((codes[code.BuiltinCode()], code.Version()))

    def data(self, name: str) -> bytes:
        return bytes(self.model.Buffers(self.tensors[name].Buffer()).DataAsNumpy())

    def scale(self, name: str) -> Array:
        return self.tensors[name].Quantization().ScaleAsNumpy()

    def options(self, index: int, table: Any) -> Any:
        made = table()
        found = self.main.Operators(index).BuiltinOptions()
        made.Init(found.Bytes, found.Pos)
        return made


def written(graph: Graph, folder: Path) -> File:
    save(graph, folder / "m.tflite")
    return File(folder / "m.tflite")


def test_operators_have_the_lowest_version_that_takes_their_types(tmp_path: Path) -> None:
    assert written(quantized(residual()), tmp_path).calls == [
        *[("CONV_2D", 3)] * 3,
        ("ADD", 2),
        # A 3 x 3 kernel of stride 2 over 8 pixels padded by 1: SAME would pad behind alone.
        ("PAD", 2),
        *[("CONV_2D", 3)] * 3,
        ("ADD", 2),
        ("AVERAGE_POOL_2D", 2),
        ("RESHAPE", 1),
        ("FULLY_CONNECTED", 4),
        ("SOFTMAX", 2),
    ]
    codes = written(residual(), tmp_path).calls
    assert {version for _, version in codes} == {1}
    assert ("CONV_2D", 7) in written(quantized(residual(), "quantize{weights=4}"), tmp_path).calls


def test_a_code_beyond_one_byte(tmp_path: Path) -> None:
    b = GraphBuilder("g", 1, 8)
    assert written(b.done(b.add("y", Elementary(function="gelu"), "x")), tmp_path).calls == [
        ("GELU", 1)
    ]


def test_encodings_of_weights_and_biases(tmp_path: Path) -> None:
    graph = quantized(separable())
    file = written(graph, tmp_path)
    by_name = {node.name: node for node in graph.nodes}
    for name, axis in (("stem", 0), ("dw1", 3)):
        node = by_name[name]
        assert isinstance(node.op, Conv2d)
        quant, x = node.op.weight.quant, graph.tensors[node.inputs[0]].quant
        assert quant is not None
        assert x is not None
        tensor = file.tensors[f"{name}/weight"]
        assert tensor.Quantization().QuantizedDimension() == axis
        np.testing.assert_array_equal(
            file.scale(f"{name}/weight"), np.asarray(quant.scale, np.float32)
        )
        np.testing.assert_array_equal(
            file.scale(f"{name}/bias"), np.float32(x.scale[0]) * np.asarray(quant.scale, np.float32)
        )
    depthwise = by_name["dw1"].op.weight
    assert depthwise is not None
    assert tuple(file.tensors["dw1/weight"].ShapeAsNumpy()) == (1, 3, 3, 6)
    np.testing.assert_array_equal(
        np.frombuffer(file.data("dw1/weight"), np.int8).reshape(3, 3, 6),
        depthwise.codes[..., 0].transpose(1, 2, 0),
    )


@pytest.mark.parametrize(
    ("extent", "stride", "padding", "want"),
    [
        (8, 1, ((0, 0), (0, 0)), ["CONV_2D"]),
        (8, 1, ((1, 1), (1, 1)), ["CONV_2D"]),
        (8, 2, ((0, 1), (0, 1)), ["CONV_2D"]),
        (9, 2, ((1, 1), (1, 1)), ["CONV_2D"]),
        (8, 2, ((1, 1), (1, 1)), ["PAD", "CONV_2D"]),
        (8, 1, ((2, 0), (1, 1)), ["PAD", "CONV_2D"]),
    ],
)
def test_padding_is_a_scheme_or_an_op(
    extent: int, stride: int, padding: Any, want: list[str], tmp_path: Path
) -> None:
    b = GraphBuilder("g", 1, extent, extent, 2)
    graph = b.done(b.conv("y", "x", 3, stride=(stride, stride), padding=padding))
    file = written(graph, tmp_path)
    assert [code for code, _ in file.calls] == want
    options = file.options(len(want) - 1, tflite.Conv2DOptions)
    is_same = want == ["CONV_2D"] and any(padding[0])
    assert options.Padding() == (tflite.Padding.SAME if is_same else tflite.Padding.VALID)
    again = load(tmp_path / "m.tflite")
    if want == ["CONV_2D"]:
        assert difference(replace(again, name="g"), graph) == ""


def test_an_activation_that_no_layer_fuses_is_an_operator_after_it(tmp_path: Path) -> None:
    b = GraphBuilder("g", 1, 4)
    file = written(b.done(b.linear("y", "x", 3, activation="relu_0_to_1")), tmp_path)
    assert file.calls == [("FULLY_CONNECTED", 1), ("RELU_0_TO_1", 1)]


@pytest.mark.parametrize("out", [3, 4])
def test_weights_of_4_bits_share_bytes(out: int, tmp_path: Path) -> None:
    b = GraphBuilder("g", 1, 5)
    graph = quantized(b.done(b.linear("y", "x", out)), "quantize{weights=4}")
    file = written(graph, tmp_path)
    assert len(file.data("y/weight")) == -(-5 * out // 2)
    first, second = graph.nodes[0].op.weight, load(tmp_path / "m.tflite").nodes[0].op.weight
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(second.codes, first.codes)
    assert first.codes.min() < 0 < first.codes.max()
    assert second.quant == first.quant


def test_sparse_weights_are_written_dense(tmp_path: Path) -> None:
    graph = quantized(mlp(), "prune{structure=2:4}|quantize")
    weight = graph.nodes[0].op.weight
    assert weight is not None
    assert weight.format.name != "dense"
    stored = written(graph, tmp_path).data(f"{graph.nodes[0].name}/weight")
    assert stored == np.ascontiguousarray(weight.codes).tobytes()


def test_constants_are_aligned_and_bytes_repeat(tmp_path: Path) -> None:
    file = written(quantized(mlp()), tmp_path)
    starts = [
        file.model.Buffers(i).DataAsNumpy().ctypes.data
        - np.frombuffer(file.content, np.uint8).ctypes.data
        for i in range(1, file.model.BuffersLength())
    ]
    assert starts
    assert all(start % 16 == 0 for start in starts)
    assert written(quantized(mlp()), tmp_path).content == file.content


@pytest.mark.parametrize("name", ["other", "a;b", "ü", "y"])
@pytest.mark.parametrize("tensor", ["y", "a;b", "a;b;y"])
def test_names_of_nodes_and_tensors_are_kept(name: str, tensor: str, tmp_path: Path) -> None:
    b = GraphBuilder("m", 1, 4)
    b.linear("y", "x", 3)
    tensors = {"x": b.tensors["x"], tensor: b.tensors["y"]}
    node = replace(b.nodes[0], name=name, outputs=(tensor,))
    graph = validate(
        Graph(name="m", inputs=("x",), outputs=(tensor,), tensors=tensors, nodes=(node,))
    )
    written(graph, tmp_path)
    assert difference(load(tmp_path / "m.tflite"), graph) == ""


@pytest.mark.parametrize("told", [b"{", b"[1]", b'{"y": 3}', b'{"y": "a\\nb"}', b"\xff"])
def test_damaged_names_are_refused(
    told: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(names: dict[str, str]) -> dict[str, bytes]:
        del names
        return {NODE_NAMES: told}

    monkeypatch.setattr("hwsim.interchange.tflite.write_graph.write_names", write)
    written(mlp(), tmp_path)
    with pytest.raises(InterchangeError, match=NODE_NAMES):
        load(tmp_path / "m.tflite")


def test_names_are_told_only_where_they_must_be(tmp_path: Path) -> None:
    assert written(mlp(), tmp_path).model.MetadataLength() == 0
    graph = mlp()
    renamed = replace(graph, nodes=(replace(graph.nodes[0], name="first"), *graph.nodes[1:]))
    file = written(renamed, tmp_path)
    content = file.model.Buffers(file.model.Metadata(0).Buffer()).DataAsNumpy()
    assert json.loads(bytes(content)) == {"conv": "first"}


def test_damaged_files_of_ours_give_one_line(tmp_path: Path) -> None:
    content = written(quantized(mlp()), tmp_path).content
    for damaged in (*truncations(content, 30), *flips(content, 60, 3)):
        assert read(tmp_path / "damaged.tflite", damaged) is not None


def refusal(graph: Graph, folder: Path) -> str:
    (folder / "m.tflite").write_text("old")
    with pytest.raises(InterchangeError, match="cannot be written as TFLite") as caught:
        save(graph, folder / "m.tflite")
    assert (folder / "m.tflite").read_text() == "old"
    assert os.listdir(folder) == ["m.tflite"]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def recoded(graph: Graph, tensor: str, **changes: Any) -> Graph:
    quant = graph.tensors[tensor].quant
    assert quant is not None
    type_ = replace(graph.tensors[tensor], quant=replace(quant, **changes))
    return replace(graph, tensors={**graph.tensors, tensor: type_})


def test_what_a_file_would_change_is_refused(tmp_path: Path) -> None:
    graph = quantized(residual())
    assert "scale 0.1 is no float32" in refusal(recoded(graph, "x", scale=(0.1,)), tmp_path)
    assert "got 4 bits" in refusal(recoded(graph, "x", bits=4), tmp_path)
    assert "zero point -128, got" in refusal(recoded(graph, "softmax", scale=(0.5,)), tmp_path)
    assert "one type, got uint8" in refusal(recoded(graph, "x", signed=False), tmp_path)
    op: Any = graph.nodes[0].op
    shifted = replace(op.weight, quant=replace(op.weight.quant, zero_point=(1,) * 8))
    name = graph.nodes[0].name
    message = refusal(with_op(graph, name, weight=shifted), tmp_path)
    assert message.startswith(f"residual/{name}: ")
    assert "zero point 0" in message
