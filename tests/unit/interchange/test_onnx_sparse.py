"""Sparse constants in .onnx: read in every form, hostile ones refused, written where they pay."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import pytest
from onnx import NodeProto, SparseTensorProto, TensorProto, helper, numpy_helper

import compressors
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.errors import InterchangeError
from hwsim.interchange import load, save
from tests.graphs import mlp, samples
from tests.unit.interchange.damage import flips, read, truncations

WEIGHT: Final = np.array([[0, 2.5, 0], [0, 0, 0], [-1, 0, 0], [0, 0, 7]], np.float32)
PLACES: Final = np.array([1, 6, 11])
COORDINATES: Final = np.array([[0, 1], [2, 0], [3, 2]])


def sparse(
    places: Array = PLACES,
    values: Array = WEIGHT[WEIGHT != 0],
    dims: tuple[int, ...] = (4, 3),
    name: str = "w",
) -> SparseTensorProto:
    indices = numpy_helper.from_array(np.ascontiguousarray(places), "places")
    return helper.make_sparse_tensor(numpy_helper.from_array(values, name), indices, list(dims))


def model(initializer: SparseTensorProto | None, *nodes: NodeProto) -> onnx.ModelProto:
    """Return x [2, 4] @ w."""
    graph = helper.make_graph(
        [*nodes, helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3])],
        sparse_initializer=[] if initializer is None else [initializer],
    )
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])


def weight_in(content: onnx.ModelProto, folder: Path) -> Array:
    path = folder / "net.onnx"
    path.write_bytes(content.SerializeToString())
    (node,) = load(path).nodes
    assert node.op.weight is not None
    return node.op.weight.codes.T


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int16, np.int8])
@pytest.mark.parametrize("places", [PLACES, COORDINATES], ids=["linear", "coordinates"])
def test_places_in_every_form(places: Array, dtype: Any, tmp_path: Path) -> None:
    found = weight_in(model(sparse(places.astype(dtype))), tmp_path)
    np.testing.assert_array_equal(found, WEIGHT)


def test_a_node_that_makes_a_sparse_constant(tmp_path: Path) -> None:
    node = helper.make_node("Constant", [], ["w"], sparse_value=sparse())
    np.testing.assert_array_equal(weight_in(model(None, node), tmp_path), WEIGHT)


def test_zeros_alone(tmp_path: Path) -> None:
    nothing = sparse(np.zeros(0, np.int64), np.zeros(0, np.float32))
    np.testing.assert_array_equal(weight_in(model(nothing), tmp_path), np.zeros((4, 3)))


RISE: Final = r"expected places that rise within \[4, 3\], each once, got others"
HOSTILE: Final = (
    (sparse(np.array([1, 6, 12])), RISE),
    (sparse(np.array([-1, 6, 11])), RISE),
    (sparse(np.array([1, 1, 11])), RISE),
    (sparse(np.array([6, 1, 11])), RISE),
    (sparse(np.array([[0, 1], [2, 3], [3, 2]])), RISE),
    (sparse(np.array([[0, 1], [3, 2], [2, 0]])), RISE),
    (sparse(np.array([[0, 1], [-1, 4], [3, 2]])), RISE),
    (sparse(np.array([[1 << 62, 4], [2, 0], [3, 2]])), RISE),
    (sparse(np.array([1, 6])), r"expected values \[n\] and places .* got \[3\] and \[2\]"),
    (sparse(np.ones((3, 1, 1), np.int64)), r"got \[3\] and \[3, 1, 1\]"),
    (sparse(np.ones((3, 3), np.int64)), "expected 2 coordinates a value, got 3"),
    (sparse(values=np.ones((3, 1), np.float32)), r"got \[3, 1\] and \[3\]"),
    (sparse(PLACES.astype(np.float32)), "expected places of type int64, got type 1"),
    (sparse(values=np.array(["a", "b", "c"], object)), "expected real numbers, got object"),
    (sparse(values=np.array([1, 2j, 3])), "expected real numbers, got complex128"),
    (sparse(dims=(4, -3)), r"extents of at least 1, got \[4, -3\]"),
    (sparse(dims=()), r"extents of at least 1, got \[\]"),
    (sparse(dims=(1 << 40, 1 << 40)), "sparse constants of 1208925819614629174706176 elements"),
    (sparse(dims=(1 << 14, 1 << 13)), "sparse constants of 134217728 elements in all; expected"),
)


@pytest.mark.parametrize(("given", "message"), HOSTILE)
def test_hostile_constants_are_refused_in_a_line(
    given: SparseTensorProto, message: str, tmp_path: Path
) -> None:
    node = helper.make_node("Constant", [], ["w"], sparse_value=given)
    for content in (model(given), model(None, node)):
        with pytest.raises(InterchangeError, match=message) as error:
            weight_in(content, tmp_path)
        assert "\n" not in str(error.value)


def test_bytes_that_are_missing_or_elsewhere(tmp_path: Path) -> None:
    short, beside, twice = sparse(), sparse(), model(sparse())
    short.indices.raw_data = short.indices.raw_data[:-8]
    beside.values.data_location = TensorProto.EXTERNAL
    twice.graph.initializer.append(numpy_helper.from_array(WEIGHT, "w"))
    for content, message in (
        (model(short), "expected as many bytes as it says"),
        (model(beside), "in the file itself, got some beside it"),
        (twice, "two constants are called 'w'"),
    ):
        with pytest.raises(InterchangeError, match=message):
            weight_in(content, tmp_path)


def test_damaged_files_give_one_line(tmp_path: Path) -> None:
    content = model(sparse()).SerializeToString()
    for damaged in (*truncations(content, 20), *flips(content, 200, 7)):
        assert read(tmp_path / "damaged.onnx", damaged) is not None


LINES: Final = {
    "prune{sparsity=0.8,format=csr}": "3 layers stored sparse, as values and their places",
    "prune{structure=2:4}|quantize": "3 layers stored as 2:4 are written dense: .onnx would take",
    "prune{sparsity=0.9,format=csr}|quantize{weights=4}": "ONNX Runtime loads none; .hwsim holds",
    "prune{sparsity=0.9}|quantize|encode{format=huffman}": "has no such storage; .hwsim holds it",
}


@pytest.mark.parametrize("recipe", LINES)
def test_what_is_told_and_read_again(recipe: str, tmp_path: Path) -> None:
    graph = compressors.parse(recipe).apply(mlp(), Data(x=samples(mlp(), 4)[:, 0]))
    told = save(graph, tmp_path / "sparse.onnx", "sparse")
    assert LINES[recipe] in told[0]
    hint = "style sparse leaves its zeros out" in save(graph, tmp_path / "dense.onnx")[0]
    assert hint == ("weights=4" not in recipe and "huffman" not in recipe)
    sizes = [(tmp_path / name).stat().st_size for name in ("sparse.onnx", "dense.onnx")]
    assert (sizes[0] < sizes[1]) == ("stored sparse" in told[-1])
    assert sizes[0] <= sizes[1]
    checker: Any = onnx.checker
    checker.check_model(str(tmp_path / "sparse.onnx"))
    sparse, dense = (weights(tmp_path / name) for name in ("sparse.onnx", "dense.onnx"))
    assert sparse.keys() == dense.keys()
    for name, codes in dense.items():
        np.testing.assert_array_equal(sparse[name], codes)


def weights(path: Path) -> dict[str, Array]:
    """Return the weights of a model by name of the node."""
    held = [(node.name, node.op.weight) for node in load(path).nodes]
    return {name: weight.codes for name, weight in held if weight is not None}
