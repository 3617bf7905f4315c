"""What a recipe makes runs on LiteRT and ONNX Runtime with our own integers, or is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pytest

import compressors
import hwsim
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.errors import InterchangeError
from hwsim.execute import prepare_all
from hwsim.formats import Block, Csr, Format
from hwsim.graph import Graph
from hwsim.interchange import save
from tests.graphs import GraphBuilder, mlp, residual, run_integers, samples
from tests.oracle import litert, ort

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

# Float32 sums in another order: 2^-24 times a few roots of their length, of the largest result.
REALS: Final = 1e-6
POLICIES: Final = {".tflite": "tflite-ref", ".onnx": "ort"}


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A recipe, and what becomes of it: refused with these words, else run.

    What is told says what both files hold in more bytes than it takes in memory.
    """

    recipe: str
    tflite: str = ""
    onnx: str = ""
    told: str = ""
    tflite_told: str | None = None

    def refusal(self, suffix: str) -> str:
        return self.tflite if suffix == ".tflite" else self.onnx

    def lines(self, suffix: str) -> str:
        own = self.tflite_told if suffix == ".tflite" else None
        return self.told if own is None else own


DENSE: Final = "stored as {} are written dense: {{}} has no such storage; .hwsim holds it"
CODEBOOK, TRITS, SIGNS = (DENSE.format(name) for name in ("codebook", "trits", "signs"))
WIDE: Final = "of {} bits? (is|are) written in {} bits each: .* weights there; .hwsim holds them"
SPARSE: Final = (
    "3 layers stored sparse for LiteRT's own kernels: TFLite Micro takes the file too, and reads "
    "such weights wrongly"
)
EIGHT: Final = r"activations have 8 or 16 bits.*; quantize\{activations=8\}, or .hwsim holds it"

TABLE: Final = (
    Deployed(recipe="none"),
    Deployed(recipe="prune{sparsity=0.7,format=csr}|quantize", told=DENSE.format("csr")),
    Deployed(recipe="prune{structure=2:4}|quantize", told=DENSE.format("2:4")),
    Deployed(
        recipe="prune{structure=block1x16,sparsity=0.5}|quantize", told=DENSE.format("bsr1x16")
    ),
    Deployed(recipe="prune{structure=block4x4,sparsity=0.5}|quantize", told=DENSE.format("bsr4x4")),
    Deployed(recipe="prune{structure=row,sparsity=0.3}|quantize", told=DENSE.format("bitmask")),
    Deployed(recipe="prune{structure=column,sparsity=0.3}|quantize", told=DENSE.format("bitmask")),
    Deployed(recipe="prune{structure=kernel,sparsity=0.3}|quantize", told="stored as bitmask"),
    Deployed(recipe="prune{structure=filter,sparsity=0.4}|quantize"),
    Deployed(recipe="prune{sparsity=0.9}|compact|quantize", told=DENSE.format("bitmask")),
    Deployed(recipe="factorize{ratio=0.5}|quantize"),
    Deployed(recipe="factorize{method=tucker2,ratio=0.5}|quantize"),
    Deployed(recipe="share{clusters=5}", told=CODEBOOK),
    Deployed(recipe="share{clusters=5}|quantize{granularity=tensor}", told=CODEBOOK),
    Deployed(recipe="gptq{bits=4}|quantize"),
    Deployed(recipe="adaround{iterations=2,batch_size=8}|quantize"),
    Deployed(recipe="equalize|quantize|correct_bias"),
    Deployed(recipe="quantize{weights=4}"),
    Deployed(recipe="quantize{weights=3}", told=WIDE.format(3, 4), tflite_told=WIDE.format(3, 8)),
    Deployed(recipe="quantize{weights=2}", told=WIDE.format(2, 4), tflite_told=WIDE.format(2, 8)),
    Deployed(recipe="quantize{weights=2,scheme=ternary}", told=TRITS),
    Deployed(recipe="quantize{weights=1,scheme=binary}", told=SIGNS),
    Deployed(recipe="quantize{weights=4,scheme=apot}", told=CODEBOOK),
    Deployed(recipe="quantize{weights=4,scheme=power_of_two}", told=CODEBOOK),
    Deployed(
        recipe="quantize{scheme=asymmetric}",
        tflite="signed weights with zero point 0; .* scheme=uniform, or .hwsim holds it",
    ),
    Deployed(
        recipe="quantize{weights=16}",
        tflite=r"at most 8 bits, got 16; quantize\{weights=8\}, or .hwsim holds it",
        onnx="weights of 16 bits; quantize .* at most 8 bits, or .hwsim holds it",
    ),
    Deployed(
        recipe="quantize{group=8}",
        tflite="one per group of 8; quantize with group=0, or .hwsim holds it",
        onnx="a scale per group; quantize with group=0 .*, or .hwsim holds it",
    ),
    Deployed(
        recipe="quantize{activations=16}",
        onnx="no integer conv2d of 16-bit activations; .* or .tflite and .hwsim hold it",
    ),
    Deployed(recipe="quantize{activations=12}", tflite=EIGHT, onnx=EIGHT),
    Deployed(recipe="quantize{activations=4}", tflite=EIGHT, onnx=EIGHT),
    Deployed(recipe="quantize{mode=dynamic}"),
    Deployed(
        recipe="gptq{bits=4}",
        tflite="are to be decoded; the step quantize .*, .onnx and .hwsim hold it",
    ),
    Deployed(
        recipe="gptq{bits=4,group=5}",
        tflite="are to be decoded; the step quantize .*, .onnx and .hwsim hold it",
    ),
    Deployed(recipe="mixed_precision{budget=0.7,bits=4;8}"),
    Deployed(recipe="qat{epochs=1}"),
    Deployed(recipe="qat{epochs=1,weights=4}"),
    Deployed(
        recipe="prune{sparsity=0.7}|quantize|encode{format=relative4_huffman}",
        told=DENSE.format("relative4_huffman"),
    ),
    Deployed(recipe="quantize|encode{format=huffman}", told=DENSE.format("huffman")),
    Deployed(recipe="prune{sparsity=0.7}|quantize|encode{format=dense}"),
)


@cache
def compressed(make: Callable[[], Graph], recipe: str) -> tuple[Graph, Array]:
    """Return what a recipe makes, and inputs [samples, ...] of floats."""
    graph = make()
    x = samples(graph, 16)[:, 0].astype(np.float32)
    return compressors.parse(recipe).apply(graph, Data(x=x, y=np.arange(16) % 4)), x


def theirs(path: Path, x: Array, graph: Graph) -> Array:
    if path.suffix == ".tflite":
        return litert.outputs(path.read_bytes(), x, "tflite-ref")
    return ort.outputs(path.read_bytes(), {"x": x}, graph.outputs)[0]


@pytest.mark.parametrize("suffix", POLICIES)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.recipe)
@pytest.mark.parametrize("make", [mlp, residual], ids=lambda make: make.__name__)
def test_runs_or_is_refused(
    make: Callable[[], Graph], row: Deployed, suffix: str, tmp_path: Path
) -> None:
    graph, x = compressed(make, row.recipe)
    path = tmp_path / f"model{suffix}"
    if row.refusal(suffix):
        with pytest.raises(InterchangeError, match=row.refusal(suffix)):
            save(graph, path)
        assert not path.exists()
        return
    told = "\n".join(save(graph, path))
    assert bool(told) == bool(row.lines(suffix))
    assert re.search(row.lines(suffix).replace(" are ", " (is|are) ").replace("{}", suffix), told)
    (output,) = graph.outputs
    if graph.tensors["x"].quant is None:
        want = theirs(path, x[:, None], graph)
        got = prepare_all(graph, POLICIES[suffix], (output,))(x)[output].reshape(want.shape)
        assert np.abs(got - want).max() <= REALS * np.abs(want).max()
        return
    want = theirs(path, graph.tensors["x"].quant.encode(x)[:, None], graph)
    np.testing.assert_array_equal(ours(graph, x, POLICIES[suffix]).reshape(want.shape), want)


def ours(graph: Graph, x: Array, policy: str) -> Array:
    return run_integers(graph, x[:, None], policy)[graph.outputs[0]]


def test_signs_of_activations_are_refused(tmp_path: Path) -> None:
    graph, _ = compressed(mlp, "quantize{activations=1,weights=1,scheme=binary}")
    for suffix in POLICIES:
        with pytest.raises(InterchangeError, match=EIGHT):
            save(graph, tmp_path / f"model{suffix}")


def wide() -> Graph:
    b = GraphBuilder("wide", 1, 64)
    hidden = b.relu("relu", b.linear("fc1", "x", 48))
    return b.done(b.linear("fc3", b.linear("fc2", hidden, 96), 24))


@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_sparse_bytes(granularity: str, tmp_path: Path) -> None:
    """LiteRT's kernel of them rounds as TFLite Micro's dense one, whatever the others do."""
    recipe = f"prune{{structure=block1x16,sparsity=0.6}}|quantize{{granularity={granularity}}}"
    graph, _ = compressed(wide, recipe)
    path, dense = tmp_path / "sparse.tflite", tmp_path / "dense.tflite"
    assert save(graph, path, "sparse") == (SPARSE,)
    assert "style sparse holds it" in save(graph, dense)[0]
    assert path.stat().st_size < dense.stat().st_size - 3000
    x = samples(graph, 100)[:, 0].astype(np.float32)
    quant = graph.tensors["x"].quant
    assert quant is not None
    for policy in ("tflite-ref", "tflite-ruy", "xnnpack"):
        want = litert.outputs(path.read_bytes(), quant.encode(x)[:, None], policy)
        np.testing.assert_array_equal(ours(graph, x, "tflm").reshape(want.shape), want)
    check_read_again(graph, path, Block(1, 16))


@pytest.mark.parametrize(
    ("structure", "form"), [("unstructured,format=csr", Csr()), ("block1x4", Block(1, 4))]
)
def test_sparse_reals(structure: str, form: Format, tmp_path: Path) -> None:
    graph, x = compressed(wide, f"prune{{structure={structure},sparsity=0.7}}")
    path, dense = tmp_path / "sparse.tflite", tmp_path / "dense.tflite"
    assert save(graph, path, "sparse") == (SPARSE,)
    save(graph, dense)
    assert path.stat().st_size < 0.6 * dense.stat().st_size
    got = prepare_all(graph, "tflite-ref", graph.outputs)(x)[graph.outputs[0]]
    for policy in ("tflite-ref", "tflite-ruy", "xnnpack"):
        want = litert.outputs(path.read_bytes(), x[:, None], policy)
        assert np.abs(got.reshape(want.shape) - want).max() <= REALS * np.abs(want).max()
    check_read_again(graph, path, form)


def check_read_again(graph: Graph, path: Path, form: Format) -> None:
    ours, theirs = (
        {node.name: node.op.weight for node in g.nodes if node.op.weight is not None}
        for g in (graph, hwsim.load(path))
    )
    assert {weight.format for weight in theirs.values()} == {form}
    for name, weight in ours.items():
        np.testing.assert_array_equal(theirs[name].codes, weight.codes)


def test_decoded_weights_stay_integers(tmp_path: Path) -> None:
    """ONNX Runtime would round the activations of a product right behind a DequantizeLinear."""
    graph, _ = compressed(mlp, "gptq{bits=4}")
    path = tmp_path / "model.onnx"
    save(graph, path)
    again = [n.op.weight for n in hwsim.load(path).nodes if n.op.weight is not None]
    assert [(weight.bits, weight.is_decoded) for weight in again] == [(4, True)] * 3


def test_bytes_of_two_bits(tmp_path: Path) -> None:
    """Four fully connected codes share a byte; LiteRT's default has other kernels for them."""
    graph, x = compressed(wide, "quantize{weights=2}")
    path = tmp_path / "model.tflite"
    assert save(graph, path) == ()
    save(compressed(wide, "quantize{weights=4}")[0], tmp_path / "wider.tflite")
    # 9984 weights, a quarter of a byte less each.
    assert path.stat().st_size < (tmp_path / "wider.tflite").stat().st_size - 2400
    codes = graph.tensors["x"].quant
    assert codes is not None
    for policy in ("tflite-ref", "tflite-ruy"):
        want = litert.outputs(path.read_bytes(), codes.encode(x)[:, None], policy)
        np.testing.assert_array_equal(ours(graph, x, policy).reshape(want.shape), want)
    again = hwsim.load(path)
    assert [n.op.weight.bits for n in again.nodes if n.op.weight is not None] == [2, 2, 2]
