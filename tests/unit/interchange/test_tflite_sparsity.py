"""Sparse tensors in .tflite: worked examples, damage, and what is told of what is not kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

import compressors
from hwsim.data import Data
from hwsim.errors import FormatError, InterchangeError
from hwsim.formats import NM, Block, Csc, Csr, Dense, Format
from hwsim.graph import Graph
from hwsim.interchange import load, save
from hwsim.interchange.tflite.packing import packed, unpacked
from hwsim.interchange.tflite.sparsity import (
    Level,
    Sparsity,
    Walk,
    folded,
    stored_count,
    unfolded,
    walk_of,
)
from hwsim.interchange.tflite.write_schema import Call, Tensor, model_bytes
from tests.graphs import GraphBuilder, mlp, samples
from tests.unit.interchange.damage import flips, read, truncations

MATRIX: Final = np.array([[1, 0, 2, 3], [0, 0, 0, 0], [0, 0, 4, 0], [0, 0, 0, 5]], np.int8)
ROWS: Final = Sparsity(
    order=(0, 1),
    levels=(
        Level(size=4),
        Level(segments=np.array([0, 3, 3, 4, 5]), indices=np.array([0, 2, 3, 2, 3])),
    ),
)
BLOCKS: Final = Sparsity(
    order=(0, 1, 2, 3),
    blocked=(0, 1),
    levels=(
        Level(size=2),
        Level(segments=np.array([0, 2, 3]), indices=np.array([0, 1, 1])),
        Level(size=2),
        Level(size=2),
    ),
)


def test_single_elements_of_rows() -> None:
    np.testing.assert_array_equal(unfolded(np.arange(1, 6, dtype=np.int8), ROWS, (4, 4)), MATRIX)
    assert ROWS.format(2) == Csr()


def test_blocks_of_two_by_two() -> None:
    """Blocks are stored whole, row by row: their zeros too."""
    values = np.array([1, 0, 0, 0, 2, 3, 0, 0, 4, 0, 0, 5], np.int8)
    np.testing.assert_array_equal(unfolded(values, BLOCKS, (4, 4)), MATRIX)
    assert BLOCKS.format(2) == Block(2, 2)


def test_columns_first() -> None:
    columns = replace(ROWS, order=(1, 0))
    np.testing.assert_array_equal(
        unfolded(np.arange(1, 6, dtype=np.int8), columns, (4, 4)), MATRIX.T
    )
    assert columns.format(2) == Csc()


def test_other_walks_lie_dense() -> None:
    compressed = Level(segments=np.array([0, 1]), indices=np.array([0]))
    assert Sparsity(order=(0, 1), levels=(compressed, compressed)).format(2) == Dense()
    assert Sparsity(order=(0, 1), levels=(compressed, Level(size=4))).format(2) == Dense()
    assert replace(BLOCKS, order=(0, 1, 3, 2)).format(2) == Dense()
    assert replace(BLOCKS, blocked=(1, 0)).format(2) == Dense()
    assert edited(BLOCKS, 2, size=257).format(2) == Dense()


FORMS: Final = (Csr(), Csc(), NM(2, 4), Block(1, 4), Block(2, 1), Block(2, 4), Block(5, 4))


@pytest.mark.parametrize("shape", [(6, 8), (6, 3, 2, 8), (4, 1, 1, 4)])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_folding_and_back(form: Format, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    for share in (0.02, 0.5, 1.0):
        tensor = rng.integers(-9, 9, shape) * (rng.random(shape) < share)
        values, sparsity = folded(tensor, walk_of(form, shape))
        np.testing.assert_array_equal(unfolded(values, sparsity, shape), tensor)
        assert stored_count(sparsity, shape) == len(values)
        # What no walk stands for, and blocks that do not divide it, are single elements.
        lies_so = form not in (NM(2, 4), Block(5, 4))
        assert sparsity.format(len(shape)) == (form if lies_so else Csr())


def test_bytes_follow_the_walk() -> None:
    values, sparsity = folded(MATRIX, Walk(order=(0, 1), blocks=((0, 2), (1, 2))))
    assert values.tolist() == [1, 0, 0, 0, 2, 3, 0, 0, 4, 0, 0, 5]
    for ours, theirs in zip(sparsity.levels, BLOCKS.levels, strict=True):
        assert ours.size == theirs.size
        np.testing.assert_array_equal(ours.segments, theirs.segments)
        np.testing.assert_array_equal(ours.indices, theirs.indices)


def edited(sparsity: Sparsity, place: int, **fields: object) -> Sparsity:
    """Return `sparsity` with other fields of one level."""
    levels = list(sparsity.levels)
    levels[place] = replace(levels[place], **fields)  # pyright: ignore[reportArgumentType]
    return replace(sparsity, levels=tuple(levels))


@pytest.mark.parametrize(
    ("sparsity", "shape", "message"),
    [
        (replace(ROWS, order=(0, 0)), (4, 4), "each of 2 axes once"),
        (replace(ROWS, order=(0, 1, 2)), (4, 4), "each of 2 axes once"),
        (replace(BLOCKS, blocked=(0, 0)), (4, 4), "divided twice"),
        (replace(BLOCKS, blocked=(0, 2)), (4, 4), "do not divide axis 2"),
        (BLOCKS, (4, 5), "do not divide axis 1"),
        (edited(BLOCKS, 2, size=0), (4, 4), "do not divide axis 0"),
        (edited(ROWS, 0, size=1 << 30), (4, 4), "expected 4 positions of axis 0"),
        (ROWS, (1 << 16, 1 << 16), "at most 268435456 elements"),
        (edited(ROWS, 1, segments=np.array([0, 5])), (4, 4), "expected 5 segments of axis 1"),
        (edited(ROWS, 1, segments=np.array([0, 3, 2, 4, 5])), (4, 4), "do not divide its 5"),
        (edited(ROWS, 1, segments=np.array([0, 3, 3, 4, 9])), (4, 4), "do not divide its 5"),
        (edited(ROWS, 1, indices=np.array([0, 2, 4, 2, 3])), (4, 4), "do not rise from 0 to 3"),
        (edited(ROWS, 1, indices=np.array([0, 2, 2, 2, 3])), (4, 4), "do not rise from 0 to 3"),
        (edited(ROWS, 1, indices=np.array([-1, 2, 3, 2, 3])), (4, 4), "do not rise from 0 to 3"),
    ],
)
def test_what_describes_no_tensor(sparsity: Sparsity, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        stored_count(sparsity, shape)


def test_too_few_values() -> None:
    with pytest.raises(FormatError, match="expected 5 stored values, got 4"):
        unfolded(np.zeros(4, np.int8), ROWS, (4, 4))


@pytest.mark.parametrize("bits", [2, 4])
def test_codes_that_share_bytes(bits: int) -> None:
    codes = np.arange(-(1 << (bits - 1)), 1 << (bits - 1), dtype=np.int8)[:-1]
    assert len(packed(codes, bits)) == -(-len(codes) * bits // 8)
    np.testing.assert_array_equal(unpacked(packed(codes, bits), bits, len(codes)), codes)
    assert packed(np.array([1, -1, 0, -2], np.int8), 2) == bytes([0b10_00_11_01])


def layered(recipe: str) -> Graph:
    b = GraphBuilder("net", 1, 32)
    graph = b.done(b.linear("fc2", b.linear("fc1", "x", 24), 6))
    return compressors.parse(recipe).apply(graph, Data(x=samples(graph, 4)[:, 0]))


@pytest.mark.parametrize(
    ("recipe", "form"),
    [
        ("prune{structure=block1x16,sparsity=0.5,layers=fc1}|quantize", Block(1, 16)),
        ("prune{sparsity=0.5,format=csr,layers=fc1}", Csr()),
        ("prune{structure=block1x4,sparsity=0.5,layers=fc1}", Block(1, 4)),
        ("prune{sparsity=0.5,format=csr,layers=fc1}|quantize", Dense()),
        (
            "prune{structure=block1x16,sparsity=0.8,layers=fc1}|quantize{activations=16}",
            Block(1, 16),
        ),
        ("prune{structure=block2x4,sparsity=0.5,layers=fc1}", Block(2, 4)),
        ("prune{sparsity=0.7,format=csc,layers=fc1}", Csc()),
        ("prune{structure=1:4,layers=fc1}", Csr()),
        ("prune{sparsity=0.7,format=rle4,layers=fc1}", Csr()),
        ("prune{sparsity=0.9,format=csr,layers=fc1}|quantize{weights=4}", Dense()),
    ],
)
def test_what_stays_sparse(recipe: str, form: Format, tmp_path: Path) -> None:
    graph, path = layered(recipe), tmp_path / "net.tflite"
    told = save(graph, path, "sparse")
    assert ("written dense" in "".join(told)) == (form == Dense())
    again = load(path)
    for node, formed in zip(graph.nodes, (form, Dense()), strict=True):
        weight = next(n.op.weight for n in again.nodes if n.name == node.name)
        assert weight is not None
        assert node.op.weight is not None
        assert weight.format == formed
        np.testing.assert_array_equal(weight.codes, node.op.weight.codes)


def expanded(source: Tensor, result: Tensor) -> bytes:
    """Return the file of x [1, 4] by a weight that DENSIFY makes of `source`."""
    tensors = [
        Tensor(name="x", shape=(1, 4), dtype="float32"),
        source,
        result,
        Tensor(name="y", shape=(1, 4), dtype="float32"),
    ]
    calls = [
        Call(code="DENSIFY", version=1, inputs=(source.name,), outputs=(result.name,)),
        Call(
            code="FULLY_CONNECTED",
            version=6,
            inputs=("x", result.name, ""),
            outputs=("y",),
            table="FullyConnectedOptions",
        ),
    ]
    return model_bytes(tensors, calls, ["x"], ["y"], {})


STORED: Final = Tensor(
    name="stored",
    shape=(4, 4),
    dtype="float32",
    values=np.arange(1, 6, dtype=np.float32),
    sparsity=ROWS,
)


def test_what_is_expanded_is_the_weight(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(expanded(STORED, replace(STORED, name="w", values=None, sparsity=None)))
    (node,) = load(path).nodes
    assert node.op.weight is not None
    assert node.op.weight.format == Csr()
    np.testing.assert_array_equal(node.op.weight.codes, MATRIX)


@pytest.mark.parametrize(
    ("source", "result", "message"),
    [
        ({"values": None, "sparsity": None}, {}, "DENSIFY expands constants, got 'stored'"),
        ({}, {"shape": (2, 4)}, "expected the type and shape of 'stored', got others"),
        ({}, {"dtype": "int8"}, "expected the type and shape of 'stored', got others"),
        ({"values": np.ones(4, np.float32)}, {}, "expected 20 bytes of values, got 16"),
        ({"shape": (5, 4)}, {"shape": (5, 4)}, "is stored sparse, but expected 5 positions"),
    ],
)
def test_what_cannot_be_expanded(
    source: dict[str, Any], result: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "net.tflite"
    made = replace(STORED, **({"name": "w", "values": None, "sparsity": None} | result))
    path.write_bytes(expanded(replace(STORED, **source), made))
    with pytest.raises(InterchangeError, match=message) as error:
        load(path)
    assert "\n" not in str(error.value)


def test_damaged_files_give_one_line(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    for structure in ("block1x16", "block4x2"):
        save(layered(f"prune{{structure={structure},sparsity=0.8}}|quantize"), path, "sparse")
        content = path.read_bytes()
        for damaged in (*truncations(content, 20), *flips(content, 200, 7)):
            assert read(tmp_path / "damaged.tflite", damaged) is not None


def test_what_is_told(tmp_path: Path) -> None:
    x = samples(mlp(), 4)[:, 0]
    graph = compressors.parse("prune{structure=2:4,layers=fc1}|quantize{weights=3}").apply(
        mlp(), Data(x=x)
    )
    assert save(graph, tmp_path / "m.tflite") == (
        (
            "1 layer stored as 2:4 is written dense: .tflite has no such storage; .hwsim holds it; "
            "style sparse leaves its zeros out"
        ),
        (
            "3 layers with weights of 3 bits are written in 8 bits each: .tflite has no such "
            "weights there; .hwsim holds them"
        ),
    )
    assert save(graph, tmp_path / "m.hwsim") == ()
    with pytest.raises(InterchangeError, match="has no style 'thin'; it has dense, sparse"):
        save(graph, tmp_path / "m.tflite", "thin")
