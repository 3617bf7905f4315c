"""Sharing weights: values by hand, what stays zero, what later steps keep."""

from __future__ import annotations

import numpy as np
import pytest

from compressors import Share, parse
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.graph import Graph
from hwsim.reference import trace
from hwsim.tensor import Weight
from tests.graphs import GraphBuilder, mlp, residual, run_integers, samples, with_op

# 4 x 4 weights as in Deep Compression (arXiv 1510.00149), figure 3.
SIXTEEN = np.array(
    [
        [2.09, -0.98, 1.48, 0.09],
        [0.05, -0.14, -1.08, 2.12],
        [-0.91, 1.92, 0.0, -1.03],
        [1.87, 0.0, 1.53, 1.49],
    ],
    np.float32,
)


def one_layer(weight: Array) -> Graph:
    b = GraphBuilder("one", 1, weight.shape[1])
    b.linear("fc", "x", weight.shape[0])
    return with_op(b.done("fc"), "fc", weight=Weight(codes=weight.astype(np.float32)))


def weights(graph: Graph) -> dict[str, Weight]:
    return {node.name: node.op.weight for node in graph.nodes if node.op.weight is not None}


def distinct(weight: Weight) -> int:
    return len(np.unique(weight.codes))


def test_sixteen_weights_by_hand() -> None:
    shared = weights(Share(clusters=4).apply(one_layer(SIXTEEN)))["fc"]
    # Both zeros stay; the others fall into -0.98 -1.08 -0.91 -1.03 / 0.09 0.05 -0.14 / the rest.
    low, middle, high = -1.0, 0.0, 12.5 / 7
    want = [
        [high, low, high, middle],
        [middle, middle, low, high],
        [low, high, 0, low],
        [high, 0, high, high],
    ]
    np.testing.assert_allclose(shared.codes, want, atol=1e-6)
    assert shared.format.name == "codebook"


@pytest.mark.parametrize("init", ["linear", "density", "random", "optimal"])
@pytest.mark.parametrize("bits", [1, 3])
def test_no_more_values_than_an_index_tells_apart(init: str, bits: int) -> None:
    for spec in ("none", "prune{sparsity=0.6}"):
        graph = parse(f"{spec}|share{{bits={bits},init={init},biases=true}}").apply(residual())
        for node in graph.nodes:
            assert all(distinct(weight) <= 1 << bits for weight in node.op.constants)


@pytest.mark.parametrize("sparsity", [0.3, 0.9])
def test_zeros_stay_and_nothing_else_becomes_zero(sparsity: float) -> None:
    pruned = parse(f"prune{{sparsity={sparsity}}}|fuse").apply(residual())
    shared = parse("share{bits=3}").apply(pruned)
    for name, weight in weights(shared).items():
        np.testing.assert_array_equal(weight.codes == 0, weights(pruned)[name].codes == 0)
        assert not np.signbit(weight.codes[weight.codes == 0]).any()


def test_the_shortest_format_is_chosen() -> None:
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((64, 200))
    for sparsity, want in ((0.0, "codebook"), (0.3, "codebook"), (0.9, "relative4_codebook"),
                           (0.995, "relative8_codebook")):  # fmt: skip
        graph = one_layer(np.where(rng.random(weight.shape) < sparsity, 0.0, weight))
        assert weights(Share(bits=4).apply(graph))["fc"].format.name == want
    chosen = weights(Share(bits=4, format="huffman").apply(one_layer(weight)))["fc"]
    assert chosen.format.name == "huffman"


def test_bytes_are_those_of_the_paper() -> None:
    weight = np.random.default_rng(0).standard_normal((40, 100))
    shared = weights(Share(bits=4).apply(one_layer(weight)))["fc"]
    # n log2 k + 32 k bits (section 3).
    assert shared.storage_bytes == (4000 * 4 + 16 * 32) // 8


def test_layers_of_few_weights_stay() -> None:
    graph = mlp()
    shared = Share(bits=6, biases=True).apply(graph)
    for before, after in zip(parse("fuse").apply(graph).nodes, shared.nodes, strict=True):
        for old, new in zip(before.op.constants, after.op.constants, strict=True):
            if old.codes.size <= 64:
                assert (new.codes == old.codes).all()
                assert new.format == old.format
            else:
                assert distinct(new) <= 64


def test_biases_share_only_when_asked() -> None:
    graph = mlp()
    shared = Share(bits=2).apply(graph)
    for before, after in zip(parse("fuse").apply(graph).nodes, shared.nodes, strict=True):
        for old, new in zip(before.op.constants[1:], after.op.constants[1:], strict=True):
            assert new is old


def test_batch_norms_are_folded_first() -> None:
    shared = Share(bits=5).apply(residual())
    assert not [node for node in shared.nodes if node.op.kind == "batch_norm"]
    x = samples(residual(), 4)
    (want,), (got,) = trace(residual(), x).values(), trace(shared, x).values()
    assert np.abs(got - want).max() < 0.2


def test_layers_choose() -> None:
    shared = weights(Share(bits=2, layers="fc*", exclude="fc2").apply(mlp()))
    assert {name for name, w in shared.items() if w.format.shares_values} == {"fc1"}


def test_one_scale_keeps_what_is_shared() -> None:
    graph = residual()
    data = Data(x=samples(graph, 8))
    shared = parse("share{bits=3}").apply(graph)
    quantized = parse("quantize{granularity=tensor}").apply(shared, data)
    for name, weight in weights(quantized).items():
        assert distinct(weight) <= distinct(weights(shared)[name])
        assert weight.format == weights(shared)[name].format
    run_integers(quantized, data.x[:2])


def test_a_scale_per_channel_is_exact_but_longer() -> None:
    graph = residual()
    data = Data(x=samples(graph, 8))
    whole, rows = (
        parse(f"share{{bits=3}}|quantize{{granularity={granularity}}}").apply(graph, data)
        for granularity in ("tensor", "channel")
    )
    for name, weight in weights(rows).items():
        np.testing.assert_array_equal(weight.format.unpack(weight.packed), weight.matrix)
        assert all(len(np.unique(row)) <= 8 for row in weight.matrix)
        assert weight.storage_bytes >= weights(whole)[name].storage_bytes
    assert rows.storage_bytes > whole.storage_bytes


def test_finetune_moves_values_and_keeps_them_shared() -> None:
    graph = residual()
    data = Data(x=samples(graph, 32), y=np.arange(32) % 5)
    shared = parse("prune{sparsity=0.5,layers=c*}|share{bits=3,biases=true}").apply(graph)
    trained = parse("finetune{epochs=2,learning_rate=0.01}").apply(shared, data)
    for name, weight in weights(trained).items():
        before = weights(shared)[name]
        assert distinct(weight) == distinct(before)
        np.testing.assert_array_equal(weight.codes == 0, before.codes == 0)
        assert (weight.codes != before.codes).any()
        assert weight.format == before.format


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("share", "expected one of bits and clusters, got none"),
        ("share{bits=4,clusters=16}", "expected one of bits and clusters, got both"),
        ("share{bits=4,format=csr}", "expected a format of shared values such as codebook, got"),
        ("share{bits=4,format=zip}", "no storage format 'zip'"),
    ],
)  # fmt: skip
def test_settings_are_checked(spec: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse(spec)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"mlp: share.layers: expected some of conv, fc1, fc2"):
        Share(bits=4, layers="z").apply(mlp())
    with pytest.raises(RecipeError, match=r"mlp/conv: share expected float weights, got int8"):
        parse("quantize{activations=32}|share{bits=4}").apply(mlp())
