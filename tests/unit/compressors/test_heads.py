"""Attention heads: found in every spelling of attention, and gone without a trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import hwsim
from compressors import parse
from compressors.pruning.heads import Heads, find_heads, without_heads
from examples.digits import example_inputs
from examples.networks import Transformer
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.execute import run
from hwsim.graph import Graph
from hwsim.ops import MatMul, Reshape, Softmax, Tile, Transpose
from hwsim.reference import trace
from tests.graphs import GraphBuilder, attention, residual, samples

WIDTH, HEADS, LENGTH = 12, 3, 5


def split(x: Tensor) -> Tensor:
    return x.view(*x.shape[:2], HEADS, WIDTH // HEADS).transpose(1, 2)


def attended(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    weights = (q @ k.transpose(-2, -1) * (WIDTH // HEADS) ** -0.5).softmax(-1)
    return (weights @ v).transpose(1, 2).flatten(2)


class Packed(nn.Module):
    """PyTorch's own, by way of its fused product."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.attention(x, x, x, need_weights=False)[0]


class Weighed(Packed):
    """PyTorch's own, by way of separate products."""

    def forward(self, x: Tensor) -> Tensor:
        return x + self.attention(x, x, x)[0]


class Unbound(nn.Module):
    """One layer for all, its axes (3, heads, width), as in vision transformers."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        axes = (*x.shape[:2], 3, HEADS, WIDTH // HEADS)
        q, k, v = self.qkv(x).reshape(axes).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).reshape(x.shape))


class Chunked(Unbound):
    """One layer for all, cut into three."""

    def forward(self, x: Tensor) -> Tensor:
        return self.out(attended(*(split(part) for part in self.qkv(x).chunk(3, -1))))


class Interleaved(Unbound):
    """One layer for all, its axes (heads, 3, width)."""

    def forward(self, x: Tensor) -> Tensor:
        axes = (*x.shape[:2], HEADS, 3, WIDTH // HEADS)
        q, k, v = self.qkv(x).reshape(axes).permute(3, 0, 2, 1, 4).unbind(0)
        return self.out(attended(q, k, v))


class Three(nn.Module):
    """A layer each; a mask on the scores."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.out = nn.Linear(WIDTH, WIDTH)
        self.mask = nn.Parameter(torch.triu(torch.full((LENGTH, LENGTH), -9.0), 1))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (split(layer(x)) for layer in (self.q, self.k, self.v))
        weights = (q @ k.transpose(-2, -1) / 2 + self.mask).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).flatten(2))


class Biased(Three):
    """A bias on the scores of each head, and norms of queries and keys."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH // HEADS)
        self.mask = nn.Parameter(torch.randn(1, HEADS, LENGTH, LENGTH))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (split(layer(x)) for layer in (self.q, self.k, self.v))
        weights = (self.norm(q) @ self.norm(k).transpose(-2, -1) + self.mask).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).flatten(2))


@cache
def load(build: Callable[[], nn.Module]) -> Graph:
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    return hwsim.load((build().eval(), (torch.zeros(1, LENGTH, WIDTH),)))


def joiner(heads: Heads) -> str:
    (name,) = heads.columns
    return name


def without_columns(graph: Graph, heads: Heads, removed: list[int]) -> Graph:
    """Return `graph` whose joining layer reads nothing of the heads `removed`."""
    op: Any = next(node.op for node in graph.nodes if node.name == joiner(heads))
    keep = np.broadcast_to(~np.isin(heads.columns[joiner(heads)], removed), op.weight.shape)
    return graph.with_ops({joiner(heads): replace(op, weight=op.weight.masked(keep))})


def assert_alike(got: Graph, want: Graph) -> None:
    x = samples(want, 3)
    expected, computed = trace(want, x), trace(got, x)
    for name in expected:
        # The same float64 products, summed in another order.
        np.testing.assert_allclose(computed[name], expected[name], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("build", [Packed, Weighed, Unbound, Chunked, Interleaved, Three, Biased])
def test_every_spelling_loses_heads_without_a_trace(build: Callable[[], nn.Module]) -> None:
    graph = load(build)
    (heads,) = find_heads(graph)
    assert heads.count == HEADS
    for removed in ([1], [0, 2]):
        smaller = without_heads(graph, {heads.name: np.array(removed)})
        assert_alike(smaller, without_columns(graph, heads, removed))
        left = (HEADS - len(removed)) / HEADS
        (again,) = find_heads(smaller)
        assert again.count == HEADS - len(removed)
        for layer in (*heads.rows, *heads.columns):
            before: Any = next(n.op for n in graph.nodes if n.name == layer)
            after: Any = next(n.op for n in smaller.nodes if n.name == layer)
            assert after.weight.codes.size == before.weight.codes.size * left
            assert (after.bias.shape == before.bias.shape) == (layer in heads.columns)


def test_fused_rows_are_told_apart() -> None:
    (heads,) = find_heads(load(Chunked))
    width = WIDTH // HEADS
    expected = np.tile(np.repeat(np.arange(HEADS), width), 3)
    np.testing.assert_array_equal(heads.rows["qkv"], expected)
    np.testing.assert_array_equal(heads.columns["out"], expected[:WIDTH])
    (heads,) = find_heads(load(Interleaved))
    np.testing.assert_array_equal(heads.rows["qkv"], np.repeat(np.arange(HEADS), 3 * width))


def test_scores_are_sums_over_the_weights_of_a_head() -> None:
    (heads,) = find_heads(load(Chunked))
    rows, columns = np.zeros((3 * WIDTH, WIDTH)), np.zeros((WIDTH, WIDTH))
    rows[[0, 12, 24]] = 1.0  # Of the first query, key and value.
    columns[:, 4] = 10.0  # What the second head adds first.
    scores = heads.scores({"qkv": rows, "out": columns, "elsewhere": np.ones((7, 7))})
    assert scores.tolist() == [36.0, 120.0, 0.0]


def shared_keys() -> Graph:
    """Four heads of queries; keys and values for two."""
    b = GraphBuilder("shared", 1, LENGTH, 8)
    axes = (0, 2, 1, 3)
    q = b.add("q4", Reshape(shape=(1, LENGTH, 4, 2)), b.linear("q", "x", 8))
    q = b.add("q_heads", Transpose(axes=axes), q)
    parts: list[str] = []
    for name in ("k", "v"):
        y = b.add(f"{name}2", Reshape(shape=(1, LENGTH, 2, 2)), b.linear(name, "x", 4))
        y = b.add(f"{name}_turned", Transpose(axes=axes), y)
        y = b.add(f"{name}_apart", Reshape(shape=(1, 2, 1, LENGTH, 2)), y)
        y = b.add(f"{name}_tiled", Tile(repeats=(1, 1, 2, 1, 1)), y)
        parts.append(b.add(f"{name}_heads", Reshape(shape=(1, 4, LENGTH, 2)), y))
    scores = b.add("scores", MatMul(transpose_b=True, scale=0.7), q, parts[0])
    mixed = b.add("mixed", MatMul(), b.add("softmax", Softmax(), scores), parts[1])
    y = b.add("back", Transpose(axes=axes), mixed)
    return b.done(b.linear("o", b.add("joined", Reshape(shape=(1, LENGTH, 8)), y), 8))


def test_queries_that_share_keys_go_together() -> None:
    graph = shared_keys()
    (heads,) = find_heads(graph)
    assert heads.count == 2
    np.testing.assert_array_equal(heads.rows["q"], [0, 0, 0, 0, 1, 1, 1, 1])
    np.testing.assert_array_equal(heads.rows["k"], [0, 0, 1, 1])
    smaller = without_heads(graph, {"mixed": np.array([0])})
    assert_alike(smaller, without_columns(graph, heads, [0]))


def test_two_layers_lose_different_heads() -> None:
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    graph = hwsim.load((Transformer().eval(), example_inputs()))
    first, second = find_heads(graph)
    removed = {first.name: np.array([1, 2]), second.name: np.array([3])}
    want = without_columns(without_columns(graph, first, [1, 2]), second, [3])
    assert_alike(without_heads(graph, removed), want)


def test_one_head_is_found_and_stays() -> None:
    (heads,) = find_heads(attention())
    assert (heads.name, heads.count) == ("mixed", 1)
    assert set(heads.rows) == {"q", "k", "v"}
    with pytest.raises(RecipeError, match="keep one of 1 heads, got none left"):
        without_heads(attention(), {"mixed": np.array([0])})


@pytest.mark.slow
def test_integer_graphs_lose_heads() -> None:
    graph = load(Unbound)
    x = samples(graph, 4)
    integers = parse("quantize").apply(graph, Data(x=x))
    (heads,) = find_heads(integers)
    smaller = without_heads(integers, {heads.name: np.array([2])})
    want = run(without_columns(integers, heads, [2]), x, "tflite-ref")
    np.testing.assert_array_equal(run(smaller, x, "tflite-ref"), want)


def test_products_without_softmax_or_with_mixed_heads_are_none() -> None:
    b = GraphBuilder("plain", 1, 4, 4)
    product = b.add("product", MatMul(), b.linear("a", "x", 4), b.linear("b", "x", 4))
    assert find_heads(b.done(b.linear("out", product, 2))) == ()
    assert find_heads(residual()) == ()


@pytest.mark.parametrize("kind", ["softmax", "product"])
def test_heads_that_meet_again_are_none(kind: str) -> None:
    b = GraphBuilder("meeting", 1, LENGTH, 8)
    split_axes = Reshape(shape=(1, LENGTH, 2, 4))
    parts = [
        b.add(f"{name}_heads", Transpose(axes=(0, 2, 1, 3)),
              b.add(f"{name}_split", split_axes, b.linear(name, "x", 8)))
        for name in "qkv"
    ]  # fmt: skip
    scores = b.add("scores", MatMul(transpose_b=True), *parts[:2])
    y = b.add("mixed", MatMul(), b.add("weights", Softmax(), scores), parts[2])
    if kind == "softmax":
        y = b.add("over_heads", Softmax(), b.add("last", Transpose(axes=(0, 2, 3, 1)), y))
    else:
        y = b.add("rows", Transpose(axes=(0, 2, 1, 3)), y)
        y = b.add("product", MatMul(transpose_b=True), y, y)
    graph = b.done(b.linear("out", b.flat("flat", y), 3))
    assert find_heads(graph) == ()


def test_what_cannot_be_removed_is_said() -> None:
    graph = load(Chunked)
    (heads,) = find_heads(graph)
    with pytest.raises(
        RecipeError, match=f"attention with heads of its own: {heads.name}; got 'a'"
    ):
        without_heads(graph, {"a": np.array([0])})
    with pytest.raises(RecipeError, match=r"expected numbers of heads, 0\.\.2; got \[3\]"):
        without_heads(graph, {heads.name: np.array([3])})
