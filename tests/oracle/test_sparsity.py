"""Sparse tensors in files: what LiteRT's converter, LiteRT and ONNX Runtime make of them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import compressors
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.formats import NM, Bitmask, Block, Csc, Csr, Format, Rle
from hwsim.graph import Graph
from hwsim.interchange import load, save
from hwsim.interchange.tflite.sparsity import Level, Sparsity, Walk, folded, unfolded
from hwsim.ops import Constant
from tests.graphs import GraphBuilder, samples, with_op
from tests.oracle import litert, ort, tflm

converter: Any = pytest.importorskip(
    "ai_edge_litert.format_converter_wrapper_pybind11", reason="needs ai-edge-litert"
)
pytestmark = pytest.mark.oracle

DENSE: Final = converter.TfLiteDimensionType.TF_LITE_DIM_DENSE
SPARSE: Final = converter.TfLiteDimensionType.TF_LITE_DIM_SPARSE_CSR
WALKS: Final = (
    # Shape, order, which of the tensor's axes are compressed, extents of blocks, their axes.
    ((6, 8), (0, 1), (False, True), (), ()),
    ((6, 8), (1, 0), (False, True), (), ()),
    ((6, 8), (1, 0), (True, False), (), ()),
    ((6, 8), (0, 1), (True, True), (), ()),
    ((6, 8), (0, 1), (True, False), (), ()),
    ((6, 32), (0, 1, 2), (False, True), (16,), (1,)),
    ((6, 8), (0, 1, 2, 3), (False, True), (2, 4), (0, 1)),
    ((6, 8), (0, 1, 3, 2), (False, True), (2, 4), (0, 1)),
    ((4, 3, 3, 8), (0, 1, 2, 3), (False, False, False, True), (), ()),
    ((4, 3, 3, 8), (1, 2, 3, 0), (True, False, False, False), (), ()),
    ((4, 3, 2, 8), (0, 1, 2, 3, 4, 5), (False, False, False, True), (2, 4), (0, 3)),
    ((4, 3, 2, 8), (0, 1, 2, 3, 4, 5), (False, True, True, True), (2, 4), (0, 3)),
)


@pytest.mark.parametrize(("shape", "order", "compressed", "blocks", "blocked"), WALKS)
@pytest.mark.parametrize("seed", range(5))
def test_converter(
    shape: tuple[int, ...],
    order: tuple[int, ...],
    compressed: tuple[bool, ...],
    blocks: tuple[int, ...],
    blocked: tuple[int, ...],
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    tensor = (rng.integers(1, 100, shape) * (rng.random(shape) < 0.3)).astype(np.float32)
    kinds = [SPARSE if is_compressed else DENSE for is_compressed in compressed]
    made = converter.FormatConverterFp32(
        list(shape), list(order), kinds, list(blocks), list(blocked)
    )
    made.DenseToSparse(tensor.reshape(-1))
    told = made.GetDimMetadata()
    levels: list[Level] = []
    for axis, first, second in zip(order, told[::2], told[1::2], strict=True):
        if axis < len(shape) and compressed[axis]:
            levels.append(Level(segments=np.array(first), indices=np.array(second)))
        else:
            levels.append(Level(size=first[0]))
    values = np.array(made.GetData(), np.float32)
    assert 0 < len(values) <= math.prod(shape)
    sparsity = Sparsity(order=order, blocked=blocked, levels=tuple(levels))
    np.testing.assert_array_equal(unfolded(values, sparsity, shape), tensor)
    # We write one compressed axis, the last of the tensor's, and blocks row by row.
    rank = len(shape)
    is_last = sum(compressed) == 1 and compressed[order[rank - 1]]
    if not is_last or order[rank:] != tuple(range(rank, len(order))):
        return
    walk = Walk(order=order[:rank], blocks=tuple(zip(blocked, blocks, strict=True)))
    ours, written = folded(tensor, walk)
    np.testing.assert_array_equal(ours, values)
    assert (written.order, written.blocked) == (order, blocked)
    for mine, theirs in zip(written.levels, levels, strict=True):
        assert mine.size == theirs.size
        np.testing.assert_array_equal(mine.segments, theirs.segments)
        np.testing.assert_array_equal(mine.indices, theirs.indices)


def sparse_graph(form: Format, recipe: str, is_conv: bool) -> tuple[Graph, Array]:
    """Return one layer whose weight lies as `form`, and inputs [samples, ...]."""
    rng = np.random.default_rng(3)
    b = GraphBuilder("net", *((1, 6, 6, 32) if is_conv else (1, 96)))
    name = b.conv("layer", "x", 48) if is_conv else b.linear("layer", "x", 48)
    graph = b.done(name)
    weight = graph.nodes[0].op.weight
    assert weight is not None
    rows, columns = weight.matrix.shape
    kept = np.zeros((rows, columns), bool)
    # Two of eight columns in one of five blocks of 4x8: every format takes it.
    tiles = kept.reshape(rows // 4, 4, columns // 8, 8).transpose(0, 2, 1, 3)
    tiles[rng.random(tiles.shape[:2]) < 0.2, :, :2] = True
    reals = np.where(kept.reshape(weight.shape), weight.codes, np.float32(0))
    graph = with_op(graph, "layer", weight=replace(weight, codes=reals, format=form))
    x = samples(graph, 4)[:, 0].astype(np.float32)
    if recipe:
        graph = compressors.parse(recipe).apply(graph, Data(x=x))
    return graph, x


@pytest.mark.parametrize("is_conv", [False, True], ids=["linear", "conv"])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize(
    "form", [Csr(), Csc(), NM(2, 8), Block(4, 8), Rle(4), Bitmask()], ids=lambda form: form.name
)
def test_expanded_weights_give_the_same_bits(
    form: Format, dtype: str, is_conv: bool, tmp_path: Path
) -> None:
    """As dense ones do, in each of LiteRT's sets of kernels that takes them."""
    graph, x = sparse_graph(form, "" if dtype == "float32" else "quantize", is_conv)
    paths = {style: tmp_path / f"{style}.tflite" for style in ("dense", "sparse")}
    told = {style: save(graph, path, style) for style, path in paths.items()}
    is_direct = dtype == "float32" and not is_conv and form == Csr()
    assert is_direct or "to expand (DENSIFY)" in told["sparse"][0]
    assert paths["sparse"].stat().st_size < paths["dense"].stat().st_size
    quant = graph.tensors["x"].quant
    given = (x if quant is None else quant.encode(x))[:, None]
    for policy in ("tflite-ref", "tflite-ruy", "xnnpack"):
        if policy == "xnnpack" and dtype == "int8" and not is_conv:
            assert "default delegate refuses the file" in told["sparse"][-1]
            with pytest.raises(RuntimeError, match="failed to delegate FULLY_CONNECTED"):
                litert.outputs(paths["sparse"].read_bytes(), given, policy)
            continue
        dense, sparse = (
            litert.outputs(path.read_bytes(), given, policy) for path in paths.values()
        )
        tolerance = 1e-6 * np.abs(dense).max() if is_direct else 0
        assert np.abs(dense.astype(np.float64) - sparse).max() <= tolerance
    again, weight = load(paths["sparse"]).nodes[0].op.weight, graph.nodes[0].op.weight
    assert again is not None
    assert weight is not None
    np.testing.assert_array_equal(again.codes, weight.codes)
    assert again.format == (form if form in (Csr(), Csc(), Block(4, 8)) else Csr())


def test_micro_refuses_what_it_would_have_to_expand(tmp_path: Path) -> None:
    graph, x = sparse_graph(Csc(), "quantize", is_conv=True)
    path = tmp_path / "sparse.tflite"
    assert "TFLite Micro has no such operator" in save(graph, path, "sparse")[0]
    quant = graph.tensors["x"].quant
    assert quant is not None
    with pytest.raises(tflm.LackingError):
        tflm.outputs(path.read_bytes(), quant.encode(x)[:, None])


@pytest.mark.parametrize("is_conv", [False, True], ids=["linear", "conv"])
@pytest.mark.parametrize("recipe", ["", "quantize", "quantize{mode=dynamic}", "gptq{bits=8}"])
def test_onnx_runtime_makes_the_same_bits_of_sparse_constants(
    recipe: str, is_conv: bool, tmp_path: Path
) -> None:
    graph, x = sparse_graph(Csr(), recipe, is_conv)
    paths = {style: tmp_path / f"{style}.onnx" for style in ("qdq", "sparse")}
    told = {style: save(graph, path, style) for style, path in paths.items()}
    assert "style sparse leaves its zeros out" in told["qdq"][0]
    assert "1 layer stored sparse" in told["sparse"][0]
    assert paths["sparse"].stat().st_size < paths["qdq"].stat().st_size
    quant = graph.tensors["x"].quant
    given = {"x": (x if quant is None else quant.encode(x))[:, None]}
    dense, sparse = (ort.outputs(p.read_bytes(), given, graph.outputs)[0] for p in paths.values())
    np.testing.assert_array_equal(dense, sparse)


KINDS: Final = ("float32", "float16", "float64", "int8", "uint8", "int16", "int32", "int64")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(24,), (4, 6), (2, 3, 2, 2)])
def test_every_type_of_sparse_constant(kind: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = (rng.integers(1, 100, shape) * (rng.random(shape) < 0.4)).astype(kind)
    flat = values.reshape(-1)
    for places in (np.flatnonzero(flat), np.argwhere(values)):
        stored = helper.make_sparse_tensor(
            numpy_helper.from_array(flat[flat != 0], "c"),
            numpy_helper.from_array(places, "places"),
            list(shape),
        )
        real = helper.make_node("Cast", ["c"], ["r"], to=TensorProto.FLOAT)
        made = helper.make_graph(
            [real, helper.make_node("Add", ["x", "r"], ["y"])],
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, list(shape))],
            sparse_initializer=[stored],
        )
        model = helper.make_model(made, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        x = np.zeros((1, *shape), np.float32)
        np.testing.assert_array_equal(ort.outputs(path.read_bytes(), {"x": x}, ["y"])[0][0], values)
        constants = [n.op.value.codes for n in load(path).nodes if isinstance(n.op, Constant)]
        np.testing.assert_array_equal(constants[0], values)
