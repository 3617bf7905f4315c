"""Encoding changes how weights are stored, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import compressors
from hwsim.data import Data
from hwsim.errors import FormatError, RecipeError
from hwsim.formats import FORMATS
from hwsim.graph import Graph
from hwsim.ops import Conv2d, Linear
from hwsim.tensor import Weight
from tests.graphs import concatenated, mlp, residual, run_integers, samples


def applied(spec: str, graph: Graph) -> Graph:
    return compressors.parse(spec).apply(graph, Data(x=samples(graph, 8)))


def weights(graph: Graph) -> dict[str, Weight]:
    return {n.name: n.op.weight for n in graph.nodes if isinstance(n.op, Conv2d | Linear)}


@pytest.mark.parametrize("fmt", ["csr", "codebook", "huffman", "relative4", "relative8_huffman"])
def test_integers_stay_as_they_were(fmt: str) -> None:
    graph = applied("prune{sparsity=0.8}|quantize", residual())
    encoded = applied(f"encode{{format={fmt}}}", graph)
    assert {w.format.name for w in weights(encoded).values()} == {fmt}
    x = samples(graph, 2)
    before, after = run_integers(graph, x), run_integers(encoded, x)
    for name, want in before.items():
        np.testing.assert_array_equal(after[name], want)


def test_smallest_is_smaller_than_any() -> None:
    graph = applied("prune{sparsity=0.8}|quantize", residual())
    for name, weight in weights(applied("encode", graph)).items():
        for fmt in FORMATS:
            try:
                size = replace(weight, format=fmt).storage_bytes
            except FormatError:
                continue
            assert weight.storage_bytes <= size, f"{name}: {weight.format.name} and {fmt.name}"


def test_smallest_keeps_a_format_that_is_not_in_the_table_where_it_wins() -> None:
    graph = applied("prune{structure=1:16}|quantize", mlp())
    assert weights(graph)["fc1"].format.name == "1:16"
    sizes = {name: weight.storage_bytes for name, weight in weights(graph).items()}
    for name, weight in weights(applied("encode", graph)).items():
        assert weight.storage_bytes <= sizes[name]


def test_each_kind_of_layer_takes_its_own() -> None:
    graph = applied("encode{conv=relative8,linear=relative4,exclude=fc2}", mlp())
    found = {name: weight.format.name for name, weight in weights(graph).items()}
    assert found == {"conv": "relative8", "fc1": "relative4", "fc2": "dense"}


def test_layers_are_chosen_by_patterns() -> None:
    graph = applied("encode{format=csr,layers=l*;mix}", concatenated())
    found = {name for name, weight in weights(graph).items() if weight.format.name == "csr"}
    assert found == {"left", "left2", "mix"}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("encode{format=zip}", ("encode.format", "no storage format 'zip'", "or smallest")),
        ("encode{conv=zip}", ("encode.conv", "no storage format 'zip'")),
        ("encode{format=csr,conv=csr,linear=csr}", ("leave no layer for format=csr",)),
        ('encode{format=""}', ("expected a storage format or smallest, got none",)),
        ("encode{layers=nothing}", ("mlp: encode.layers", "conv, fc1, fc2", "layers='nothing'")),
        ("encode{format=trits}", ("mlp/conv: encode cannot store it: format trits: row 0",)),
        ("encode{format=2:4}", ("mlp/conv: encode cannot store it", "prune{structure=2:4}")),
    ],
)
def test_what_does_not_fit_is_refused_by_name(spec: str, words: tuple[str, ...]) -> None:
    with pytest.raises(RecipeError) as caught:
        applied(spec, mlp())
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
