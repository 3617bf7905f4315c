"""Residual blocks: found where an identity goes past them, and removed as if never built."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import hwsim
from compressors import parse
from compressors.pruning.residual_blocks import find_residual_blocks, without_blocks
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.graph import Graph
from hwsim.ops import Add, Concat, Constant, LayerNorm, MaxPool2d, Quantize
from hwsim.reference import trace
from tests.graphs import GraphBuilder, attention, mlp, residual, run_integers, samples, with_op


def network(*blocks: str, activation: str = "relu", pooled: bool = False) -> Graph:
    """Return relu(x + f(x)) once for each name; a layer's weights depend on its name alone."""
    b = GraphBuilder("network", 1, 4, 4, 3)

    def conv(name: str, source: str) -> str:
        b.rng = np.random.default_rng(list(name.encode()))
        return b.conv(name, source, 4)

    y = b.relu("stem_relu", conv("stem", "x"))
    if pooled:
        y = b.add("pool", MaxPool2d(kernel=(2, 2), stride=(2, 2)), y)
    for name in blocks:
        inner = conv(f"{name}_b", b.relu(f"{name}_relu", conv(f"{name}_a", y)))
        total = b.add(f"{name}_sum", Add(), inner, y)
        y = total if activation == "none" else b.relu(f"{name}_out", total)
    return b.done(conv("head", y))


def sums(graph: Graph) -> list[str]:
    return [block.name for block in find_residual_blocks(graph)]


def assert_same(got: Graph, want: Graph) -> None:
    """The networks are the same up to the names of tensors."""
    assert [node.name for node in got.nodes] == [node.name for node in want.nodes]
    x = samples(want, 2)
    expected, computed = trace(got, x), trace(want, x)
    for name in want.outputs:
        np.testing.assert_array_equal(computed[name], expected[name])


@pytest.mark.parametrize("activation", ["relu", "none"])
@pytest.mark.parametrize("pooled", [False, True])
def test_what_is_left_is_the_network_without_the_block(activation: str, pooled: bool) -> None:
    graph = network("p", "q", "r", activation=activation, pooled=pooled)
    assert sums(graph) == ["p_sum", "q_sum", "r_sum"]
    for gone, left in (("p", "qr"), ("q", "pr"), ("r", "pq"), ("pr", "q"), ("pqr", "")):
        smaller = without_blocks(graph, [f"{name}_sum" for name in gone])
        assert_same(smaller, network(*left, activation=activation, pooled=pooled))


def test_blocks_say_what_is_in_them() -> None:
    (block,) = find_residual_blocks(residual())
    assert (block.name, block.source, block.output) == ("a_sum", "stem_relu", "a_sum")
    assert block.nodes == ("a1", "a1_bn", "a1_relu", "a2", "a2_bn")


def test_a_clamp_in_the_sum_stays_where_it_does_something() -> None:
    graph = with_op(network("p", activation="none"), "p_sum", activation="relu6")
    smaller = without_blocks(graph, ["p_sum"])
    (left,) = (node.op for node in smaller.nodes if node.name == "p_sum")
    assert left.kind == "elementary"
    x = 9 * samples(graph, 2)
    seen: dict[str, object] = {}
    trace(smaller, x, seen.__setitem__)
    np.testing.assert_array_equal(seen["p_sum"], np.minimum(np.asarray(seen["stem_relu"]), 6))
    graph = with_op(network("p", activation="none"), "p_sum", activation="relu")
    assert_same(without_blocks(graph, ["p_sum"]), network(activation="none"))


def test_a_clamp_after_the_sum_stays_where_it_does_something() -> None:
    b = GraphBuilder("unclamped", 1, 4)
    y = b.linear("stem", "x", 4)
    y = b.relu("out", b.add("sum", Add(), y, b.linear("branch", y, 4)))
    smaller = without_blocks(b.done(b.linear("head", y, 2)), ["sum"])
    assert [node.name for node in smaller.nodes] == ["stem", "out", "head"]


def test_transformers_lose_attention_and_hidden_layers() -> None:
    graph = attention()
    assert sums(graph) == ["sum1", "sum2"]
    left = without_blocks(graph, ["sum1", "sum2"])
    assert [node.name for node in left.nodes] == ["stem", "bn", "head"]
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
    module = nn.Sequential(nn.Linear(3, 8), layer, nn.Linear(8, 2)).eval()
    graph = hwsim.load((module, (torch.zeros(1, 5, 3),)))
    assert len(sums(graph)) == 2
    left = without_blocks(graph, sums(graph))
    assert not any(node.op.kind in ("matmul", "softmax", "add") for node in left.nodes)
    x = samples(graph, 2)
    with torch.no_grad():
        tensor = torch.tensor(x[:, 0], dtype=torch.float32)
        want = module[2](layer.norm2(layer.norm1(module[0](tensor)))).numpy()
    # The module computes in float32.
    np.testing.assert_allclose(trace(left, x)[left.outputs[0]][:, 0], want, atol=1e-5)


def test_a_block_within_a_block_goes_with_it() -> None:
    b = GraphBuilder("nested", 1, 4)
    y = b.linear("stem", "x", 4)
    inner = b.linear("down", y, 4)
    inner = b.add("inner", Add(), b.linear("deep", inner, 4), inner)
    graph = b.done(b.linear("head", b.add("outer", Add(), b.linear("up", inner, 4), y), 2))
    assert sums(graph) == ["inner", "outer"]
    assert [n.name for n in without_blocks(graph, ["inner"]).nodes] == [
        "stem", "down", "up", "outer", "head"
    ]  # fmt: skip
    both = without_blocks(graph, ["inner", "outer"])
    assert [n.name for n in both.nodes] == ["stem", "head"]


def test_what_others_read_stays() -> None:
    b = GraphBuilder("shared", 1, 4)
    y = b.linear("stem", "x", 4)
    shift = b.add("shift", Constant(value=b.real(1, 4)))
    hidden = b.add("shifted", Add(), b.linear("branch", y, 4), shift)
    y = b.add("sum", Add(), hidden, y)
    end = b.add("end", Add(), b.linear("head", y, 4), shift)
    (block,) = find_residual_blocks(b.done(end))
    assert block.nodes == ("branch", "shifted")
    # What the branch makes is read elsewhere too: no block is left.
    both = b.add("both", Concat(axis=-1), end, hidden)
    assert find_residual_blocks(b.done(both)) == ()


def test_an_output_may_be_what_is_left() -> None:
    b = GraphBuilder("ending", 1, 4)
    y = b.linear("stem", "x", 4)
    graph = b.done(b.add("sum", Add(), b.linear("branch", y, 4), y))
    smaller = without_blocks(graph, ["sum"])
    assert [(n.name, n.outputs) for n in smaller.nodes] == [("stem", ("sum",))]
    b = GraphBuilder("through", 1, 4)
    graph = b.done(b.add("sum", Add(), b.linear("branch", "x", 4), "x"))
    with pytest.raises(RecipeError, match="through/sum: without this block the output 'sum'"):
        without_blocks(graph, ["sum"])


def test_projections_are_no_blocks_and_are_refused_by_name() -> None:
    with pytest.raises(RecipeError, match=r"sum with an identity path, .*: a_sum; got 'c_sum'"):
        without_blocks(residual(), ["c_sum"])
    with pytest.raises(RecipeError, match="there is none; got 'fc1'"):
        without_blocks(mlp(), ["fc1"])


def test_sums_with_other_things_are_no_blocks() -> None:
    b = GraphBuilder("none", 1, 4)
    y = b.linear("stem", "x", 4)
    y = b.add("twice", Add(), y, y)
    y = b.add("shift", Add(), y, b.add("constant", Constant(value=b.real(1, 4))))
    beside = b.add("beside", Add(), b.linear("left", y, 4), b.linear("right", y, 4))
    y = b.add("norm", LayerNorm(gamma=b.real(4), beta=b.real(4)), beside)
    assert find_residual_blocks(b.done(b.linear("out", y, 2))) == ()


@pytest.mark.slow
def test_integers_keep_the_encoding_of_the_sum() -> None:
    graph = network("p", "q")
    x = samples(graph, 8)
    integers = parse("quantize").apply(graph, Data(x=x))
    (name, _) = sums(integers)
    smaller = without_blocks(integers, [name])
    (left,) = (node for node in smaller.nodes if node.name == name)
    assert isinstance(left.op, Quantize)
    assert smaller.tensors[left.outputs[0]] == integers.tensors[left.outputs[0]]
    codes = run_integers(smaller, x)
    reals = [
        quant.decode(codes[tensor])
        for tensor in (*left.inputs, *left.outputs)
        if (quant := smaller.tensors[tensor].quant) is not None
    ]
    quant = smaller.tensors[left.outputs[0]].quant
    assert quant is not None
    # To the nearest of the coarser codes.
    assert np.abs(reals[0] - reals[1]).max() <= 0.5001 * quant.scale[0]
