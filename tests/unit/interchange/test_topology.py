"""Tables of layer shapes: what they make, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwsim.errors import InterchangeError
from hwsim.graph import Graph
from hwsim.interchange import load
from hwsim.interchange._topology_rows import COLUMNS
from hwsim.interchange.topology import BUILDERS
from tests.equality import difference
from tests.unit.interchange.damage import flips, read, truncations

EXAMPLES = Path(__file__).parents[3] / "examples" / "topologies"
IMAGE = {"name": "image", "op": "input", "height": 8, "width": 8, "channels": 4}


def table(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "t.json"
    path.write_text(json.dumps([IMAGE, *rows]), encoding="utf-8")
    return path


def macs(graph: Graph) -> int:
    return sum(graph.workload(node).macs for node in graph.nodes)


def test_the_example_is_the_network_of_visual_wake_words() -> None:
    """MLPerf Tiny's vww_96 has 7,489,664 multiply-accumulates and 2 classes."""
    graph = load(EXAMPLES / "mobilenet_v1_025_96.csv")
    assert macs(graph) == 7_489_664
    assert graph.tensors["scores"].shape == (1, 2)


def test_branches_sparsity_and_bits() -> None:
    graph = load(EXAMPLES / "two_branches.json")
    ops: dict[str, Any] = {node.name: node.op for node in graph.nodes}
    assert float(ops["wide"].weight.nonzero.mean()) == 0.5
    assert ops["narrow"].weight.quant.bits == 4
    assert graph.tensors["both"].shape == (1, 32, 32, 32)


def test_csv_and_json_say_the_same(tmp_path: Path) -> None:
    rows = [
        IMAGE,
        {"name": "a", "op": "conv2d", "channels": 4, "kernel": 3, "sparsity": 0.5},
        {"name": "b", "op": "add", "inputs": "a;image"},
    ]
    lines = [",".join(str(row.get(column, "")) for column in COLUMNS) for row in rows]
    (tmp_path / "t.csv").write_text("\n".join([",".join(COLUMNS), *lines]), encoding="utf-8")
    (tmp_path / "t.json").write_text(json.dumps({"layers": rows}), encoding="utf-8")
    assert difference(load(tmp_path / "t.csv"), load(tmp_path / "t.json")) == ""


def test_same_padding_and_strides(tmp_path: Path) -> None:
    same = {"name": "a", "op": "conv2d", "channels": 2, "kernel": 3, "stride": 3}
    graph = load(table(tmp_path, same, {"name": "b", "op": "max_pool2d", "kernel": 2}))
    assert [graph.tensors[name].shape[1] for name in ("image", "a", "b")] == [8, 3, 2]
    assert macs(graph) == 3 * 3 * 2 * 3 * 3 * 4


def test_float_rows_make_a_float_graph(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    rows = [{**IMAGE, "bits": 32}, {"name": "a", "op": "linear", "channels": 2, "bits": 32}]
    path.write_text(json.dumps(rows), encoding="utf-8")
    graph = load(path)
    assert {str(type_.dtype) for type_ in graph.tensors.values()} == {"float32"}
    op: Any = graph.nodes[0].op
    assert op.weight.codes.dtype == np.float32


CONV = {"name": "a", "op": "conv2d", "channels": 4, "kernel": 3}

REFUSED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "unknown op": ([{**CONV, "op": "conv3d"}], "t.json: row 2 'a': op 'conv3d' is not supported"),
    "no op": ([{"name": "a"}], "op '' is not supported"),
    "no name": ([{**CONV, "name": ""}], "row 2 '': name: expected one"),
    "name twice": ([{**CONV, "name": "image"}], "name: expected one that no row before has"),
    "line break": ([{**CONV, "name": "a\nb"}], "name: expected one"),
    "unknown column": ([{**CONV, "kernels": 3}], "column 'kernels' is not known; known: name"),
    "unknown input": ([{**CONV, "inputs": "b"}], "no row before is named 'b'"),
    "cycle": ([{**CONV, "inputs": "a"}], "no row before is named 'a'"),
    "no kernel": ([{"name": "a", "op": "conv2d"}], "kernel: expected an integer"),
    "half a channel": ([{**CONV, "channels": 1.5}], "channels: expected an integer"),
    "no channels": ([{**CONV, "channels": 0}], "channels: expected an integer 1..1048576, got '0'"),
    "too many": ([{**CONV, "channels": 10**9}], "channels: expected an integer 1..1048576"),
    "endless": ([{**CONV, "channels": 10**999}], "channels: expected an integer 1..1048576"),
    "huge": ([{**CONV, "channels": 10**6, "kernel": 1000}], "are more than 268435456 numbers"),
    "groups": ([{**CONV, "groups": 3}], "3 groups do not divide 4 and 4"),
    "padding": ([{**CONV, "padding": "full"}], "padding: expected same or valid, 1, 0x3 or top;"),
    "window": ([{**CONV, "kernel": 9, "padding": "valid"}], "does not fit into [1, 8, 8, 4]"),
    "sparsity": ([{**CONV, "sparsity": 1.0}], "sparsity: expected 0 <= s < 1, got '1.0'"),
    "nan": ([{**CONV, "sparsity": float("nan")}], "sparsity: expected 0 <= s < 1, got 'nan'"),
    "bits": ([{**CONV, "bits": 3}], "bits: expected 2 or 4 or 8 or 32, got '3'"),
    "activation": ([{**CONV, "activation": "gelu"}], "activation: expected none or relu"),
    "shapes": (
        [CONV, {"name": "b", "op": "flatten"}, {"name": "c", "op": "add", "inputs": "a;b;image"}],
        "row 4 'c': ",
    ),
    "two inputs": (
        [CONV, {"name": "b", "op": "conv2d", "kernel": 1, "channels": 1, "inputs": "a;image"}],
        "row 3 'b': inputs: conv2d does not take [1, 8, 8, 4], [1, 8, 8, 4]",
    ),
    "no image": (
        [{"name": "b", "op": "flatten"}, {"name": "c", "op": "global_average_pool"}],
        "row 3 'c': inputs: global_average_pool does not take [1, 256]",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named(case: str, tmp_path: Path) -> None:
    rows, message = REFUSED[case]
    with pytest.raises(InterchangeError) as caught:
        load(table(tmp_path, *rows))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.json", ""),
        ("t.json", "[]"),
        ("t.json", "{}"),
        ("t.json", "3"),
        ("t.json", "[3]"),
        ("t.json", "[" * 100_000),
        ("t.json", '{"layers": {"name": "image"}}'),
        ("t.json", '[{"name": "a", "op": "conv2d"}]'),
        ("t.csv", ""),
        ("t.csv", "name,op\n"),
        ("t.csv", "name,op\nimage,input,,,\n"),
        ("t.csv", "name;op\nimage;input\n"),
        ("t.csv", 'name,op\n"image'),
        ("t.csv", "\0"),
    ],
)
def test_what_is_no_table(name: str, text: str, tmp_path: Path) -> None:
    found = read(tmp_path / name, text.encode())
    assert isinstance(found, str)
    assert found.startswith(name)


@pytest.mark.parametrize("name", ["mobilenet_v1_025_96.csv", "two_branches.json"])
def test_damaged_tables(name: str, tmp_path: Path) -> None:
    # Short enough that a digit too many makes no weights of many megabytes.
    content = b"".join((EXAMPLES / name).read_bytes().splitlines(keepends=True)[:6])
    for damaged in (*truncations(content, 60), *flips(content, 200, seed=8)):
        read(tmp_path / name, damaged)


cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 20),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["input", "image", "a", "same", "valid", "relu", *BUILDERS]),
    st.lists(st.integers(), max_size=2),
)
rows = st.dictionaries(st.sampled_from(COLUMNS), cells, max_size=6)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(rows, max_size=3))
def test_any_table_is_a_graph_or_refused(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    read(tmp_path / "any.json", json.dumps([IMAGE, *rows]).encode())
