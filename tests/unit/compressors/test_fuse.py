"""Folding and fusing: which ops go, and which have to stay."""

from __future__ import annotations

import pytest

from compressors import Fuse
from hwsim.fusion import without_batch_norm
from hwsim.graph import validate
from hwsim.ops import BatchNorm, Conv2d, Elementary
from hwsim.reference import trace
from tests.graphs import GraphBuilder, concatenated, residual, samples


def test_residual_net_keeps_only_what_computes() -> None:
    kinds = [node.op.kind for node in Fuse().apply(residual()).nodes]
    assert kinds == [
        "conv2d", "conv2d", "conv2d", "add", "conv2d", "conv2d", "conv2d", "add",
        "average_pool2d", "reshape", "linear", "softmax",
    ]  # fmt: skip


def test_a_result_that_others_read_is_kept() -> None:
    b = GraphBuilder("shared", 1, 4, 4, 2)
    conv = b.conv("conv", "x", 3)
    graph = b.done(b.relu("relu", b.norm("bn", conv)), b.relu("other", conv))
    assert Fuse().apply(graph).to_text() == graph.to_text()


def test_an_output_is_kept() -> None:
    b = GraphBuilder("shown", 1, 4)
    hidden = b.linear("hidden", "x", 3)
    graph = b.done(b.relu("relu", hidden), hidden)
    assert Fuse().apply(graph).to_text() == graph.to_text()


def test_a_clamp_between_stops_folding() -> None:
    b = GraphBuilder("clamped", 1, 4, 4, 2)
    graph = Fuse().apply(b.done(b.norm("bn", b.relu("relu", b.conv("conv", "x", 3)))))
    assert [node.op.kind for node in graph.nodes] == ["conv2d", "batch_norm"]


def test_other_functions_are_not_fused() -> None:
    b = GraphBuilder("swish", 1, 4)
    graph = b.done(b.add("swish", Elementary(function="hard_swish"), b.linear("fc", "x", 3)))
    assert len(Fuse().apply(graph).nodes) == 2


@pytest.mark.parametrize("shape", [(1, 4, 4, 3), (1, 5, 3), (1, 3)])
def test_lone_batch_norm_becomes_other_ops(shape: tuple[int, ...]) -> None:
    b = GraphBuilder("lone", *shape)
    graph = b.done(b.norm("bn", "x"))
    rewritten = validate(without_batch_norm(graph))
    assert not any(isinstance(node.op, BatchNorm) for node in rewritten.nodes)
    x = samples(graph, 3)
    difference = trace(graph, x)["bn"] - trace(rewritten, x)["bn"]
    assert abs(difference).max() < 1e-6  # Scale and shift are rounded to float32.


def test_batch_norm_after_a_concatenation_becomes_depthwise() -> None:
    graph = without_batch_norm(Fuse().apply(concatenated()))
    op = next(node.op for node in graph.nodes if node.name == "both_bn")
    assert isinstance(op, Conv2d)
    assert op.is_depthwise
