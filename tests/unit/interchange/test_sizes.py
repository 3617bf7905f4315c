"""Files of few bytes that ask for much memory, or for files that are not theirs, are refused."""

from __future__ import annotations

import io
import json
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from compressors import parse
from hwsim.data import load_data
from hwsim.errors import DataError, FormatError, InterchangeError, RecipeError
from hwsim.formats import Csc, Csr
from hwsim.interchange import load
from hwsim.limits import TABLE_ROWS, WINDOW_EXTENT, YAML_DEPTH
from hwsim.strict_yaml import read_yaml
from tests.fuzz.target import little_memory

LONGEST_S = 5.0


def model(
    nodes: list[NodeProto],
    constants: list[TensorProto],
    shape: tuple[int, ...] = (1, 4),
    **more: Any,
) -> bytes:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph: GraphProto = helper.make_graph(nodes, "net", [x], [y], constants)
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=versions, **more).SerializeToString()


def node(op: str, *operands: str, to: str = "y", **attributes: Any) -> NodeProto:
    return helper.make_node(op, operands, [to], **attributes)


def whole(name: str, *numbers: int) -> TensorProto:
    return numpy_helper.from_array(np.array(numbers, np.int64), name)


def laughs() -> bytes:
    """Return a model of 20 functions, each calling the one before it 8 times."""
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    functions: list[Any] = []
    for level in range(20):
        op, domain = (f"f{level - 1}", "own") if level else ("Relu", "")
        nodes = [helper.make_node(op, [f"t{i}"], [f"t{i + 1}"], domain=domain) for i in range(8)]
        functions.append(helper.make_function("own", f"f{level}", ["t0"], ["t8"], nodes, versions))
    return model([node("f19", "x", domain="own")], [], functions=functions)


IMAGE = (1, 1, 4, 4)
HUGE = 1 << 31
ONNX: dict[str, Callable[[], bytes]] = {
    "window": lambda: model(
        [node("AveragePool", "x", kernel_shape=[HUGE] * 2, pads=[HUGE - 1] * 2 + [0] * 2)],
        [],
        IMAGE,
    ),
    "padding": lambda: model(
        [node("Pad", "x", "pads")], [whole("pads", 0, 0, 0, 0, 0, 0, 60_000, 60_000)], IMAGE
    ),
    "filled": lambda: model(
        [node("ConstantOfShape", "s", to="c"), node("Add", "x", "c")], [whole("s", HUGE, 4)]
    ),
    "doubled": lambda: model(
        [
            node("ConstantOfShape", "s", to="c0"),
            *(node("Concat", f"c{i}", f"c{i}", to=f"c{i + 1}", axis=0) for i in range(20)),
            node("Add", "x", "c20"),
        ],
        [whole("s", 1 << 20, 4)],
    ),
    "resized": lambda: model(
        [node("Resize", "x", "", "", "s", mode="nearest")], [whole("s", 1, 1, HUGE, 4)], IMAGE
    ),
    "mirrored": lambda: model(
        [node("Pad", "x", "pads", mode="edge")], [whole("pads", 0, 0, 0, HUGE)]
    ),
    "functions": laughs,
}


@pytest.mark.parametrize("name", ONNX)
def test_small_onnx_files_that_ask_for_much(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(ONNX[name]())
    start = time.perf_counter()
    with little_memory(), pytest.raises(InterchangeError):
        load(path)
    assert time.perf_counter() - start < LONGEST_S


@pytest.mark.parametrize(
    ("location", "more"),
    [
        ("../secret.bin", {}),
        ("/etc/hostname", {}),
        ("link.bin", {}),
        ("", {}),
        ("absent.bin", {}),
        ("beside.bin", {"offset": "8", "length": "16"}),
        ("beside.bin", {"offset": "-4"}),
        ("beside.bin", {"length": "many"}),
    ],
)
def test_constants_lie_beside_the_model_alone(
    location: str, more: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(16))
    (folder / "beside.bin").write_bytes(bytes(16))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    weight = TensorProto(name="w", dims=[4, 1], data_type=TensorProto.FLOAT)
    weight.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        weight.external_data.add(key=key, value=value)
    (folder / "m.onnx").write_bytes(model([node("MatMul", "x", "w")], [weight]))
    with pytest.raises(InterchangeError, match=r"constant 'w': "):
        load(folder / "m.onnx")


def npy(shape: str, content: bytes, descr: str = "<f4") -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def archive(content: bytes, kind: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", kind) as file:
        file.writestr("x.npy", content)
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda: archive(npy("(1099511627776,)", bytes(8))), "takes 4398046511104 bytes, got 8"),
        (lambda: archive(npy("(-1, -2)", bytes(8))), "not a readable"),
        (lambda: archive(npy("(2, ", bytes(8))), "not a readable"),
        (lambda: archive(npy("(1,)", b"cos\nsystem\n(.", "|O")), "which are not loaded"),
        (
            lambda: archive(npy("(400000000,)", bytes(400_000_000), "|i1"), zipfile.ZIP_DEFLATED),
            "would inflate to",
        ),
    ],
)
def test_samples_are_as_large_as_they_say(
    content: Callable[[], bytes], words: str, tmp_path: Path
) -> None:
    (tmp_path / "x.npz").write_bytes(content())
    with little_memory(), pytest.raises(DataError, match=words):
        load_data(tmp_path / "x.npz")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500,
        "a: " * (YAML_DEPTH + 2) + "1",
        "- 1\n" * 60_000,
        "a: &a [1]\nb: *a\n",
        f"a: {'9' * 5000}",
        f"a: {1 << 63}",
        "x" * (2 << 20),
    ],
    ids=["nested", "mappings", "many", "alias", "digits", "bits", "long"],
)
def test_yaml_is_of_moderate_size(text: str, tmp_path: Path) -> None:
    import yaml

    with pytest.raises(yaml.YAMLError):
        read_yaml(text)
    path = tmp_path / "r.yaml"
    path.write_text(f"version: 1\nsteps:\n- {text}")
    with pytest.raises(RecipeError):
        parse(path)


def test_aliases_do_not_multiply_in_recipes(tmp_path: Path) -> None:
    lines = [f"  - &a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else 'x'}]" for i in range(12)]
    (tmp_path / "r.yaml").write_text("version: 1\nsteps:\n" + "\n".join(lines))
    with pytest.raises(RecipeError, match="an alias"):
        parse(tmp_path / "r.yaml")


def test_tables_have_so_many_rows(tmp_path: Path) -> None:
    first = "name,op,height,width,channels\nin,input,2,2,2\n"
    rows = "".join(f"r{i},relu,,,\n" for i in range(TABLE_ROWS))
    (tmp_path / "t.csv").write_text(first + rows)
    with pytest.raises(InterchangeError, match="rows"):
        load(tmp_path / "t.csv")


def test_windows_have_so_many_pixels(tmp_path: Path) -> None:
    layers = [
        {"name": "in", "op": "input", "height": "2", "width": "2", "channels": "1"},
        {"name": "p", "op": "max_pool2d", "kernel": "2", "stride": str(WINDOW_EXTENT + 1)},
    ]
    (tmp_path / "t.json").write_text(json.dumps(layers))
    with pytest.raises(InterchangeError, match="expected a stride of at most"):
        load(tmp_path / "t.json")


@pytest.mark.parametrize("part", ["starts", "columns"])
@pytest.mark.parametrize("damaged", [[0, 3, 1, 4], [1, 2, 3, 4], [0, 0, 9, 4], [2, 2, 0, 1]])
def test_rows_that_make_no_sense_are_refused(part: str, damaged: list[int]) -> None:
    matrix = np.array([[1, 0, 2], [0, 3, 0], [4, 0, 0]], np.int8)
    packed = Csr().pack(matrix, 8)
    packed.arrays[part] = np.array(damaged, np.uint8)
    with pytest.raises(FormatError):
        Csr().unpack(packed)


def test_columns_that_hold_a_row_twice_are_refused() -> None:
    packed = Csc().pack(np.array([[1, 0], [2, 0]], np.int8), 8)
    packed.arrays["rows"] = np.array([1, 1], np.uint8)
    with pytest.raises(FormatError, match="rows that do not rise"):
        Csc().unpack(packed)


def test_messages_are_one_short_line() -> None:
    told = str(InterchangeError("a\nb\x1b[31m" + "x" * 10_000))
    assert told.startswith(r"a b\x1b[31mxxx")
    assert len(told) < 2100
    assert told.isprintable()
