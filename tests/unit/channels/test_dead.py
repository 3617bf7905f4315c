"""Dead channels: the function stays, what changes nothing goes, what would be inexact stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compressors import parse
from hwsim.channels import without_dead
from hwsim.channels.constants import find_constants
from hwsim.data import Data
from hwsim.graph import Graph
from hwsim.ops import Add, Concat, Elementary, Mean, Mul
from hwsim.reference import trace
from hwsim.tensor import Weight
from tests.dead import extents, with_zeros, zeroed
from tests.graphs import GRAPHS, GraphBuilder, run_integers, samples, weight_of, with_op

graphs = pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)


@graphs
@pytest.mark.parametrize("seed", range(6))
def test_the_function_stays(build: Callable[[], Graph], seed: int) -> None:
    graph = with_zeros(build(), seed)
    compact = without_dead(graph)
    x = samples(graph, 3)
    want, got = trace(graph, x), trace(compact, x)
    for name in want:
        # Biases are rounded to float32 (2^-24), over a handful of layers.
        np.testing.assert_allclose(got[name], want[name], rtol=1e-5, atol=1e-5)


@graphs
def test_channels_go(build: Callable[[], Graph]) -> None:
    before = [with_zeros(build(), seed) for seed in range(6)]
    after = [without_dead(graph) for graph in before]
    assert sum(g.storage_bytes for g in after) < sum(g.storage_bytes for g in before)


@pytest.mark.slow
@graphs
@pytest.mark.parametrize(("seed", "policy"), [(0, "tflite-ref"), (1, "xnnpack"), (2, "ort")])
def test_integers_stay_bit_by_bit(build: Callable[[], Graph], seed: int, policy: str) -> None:
    x = samples(build(), 4)
    graph = parse("quantize").apply(with_zeros(build(), seed), Data(x=x))
    compact = without_dead(graph)
    want, got = run_integers(graph, x, policy), run_integers(compact, x, policy)
    for name in graph.outputs:
        np.testing.assert_array_equal(got[name], want[name])


def test_integers_know_only_zeros_and_signs() -> None:
    b = GraphBuilder("signs", 1, 3)
    y = b.linear("a", "x", 3)
    swish = b.add("swish", Elementary(function="hard_swish"), y)
    graph = b.done(b.linear("out", b.add("sum", Add(), swish, b.relu("relu", y)), 2))
    biases = weight_of([-4.0, 4.0, 0.0])
    graph = with_op(graph, "a", weight=weight_of(np.zeros((3, 3)).tolist()), bias=biases)
    values = find_constants(graph)
    np.testing.assert_array_equal(values["swish"], [0, 4, 0])
    values = find_constants(parse("quantize").apply(graph, Data(x=samples(graph, 4))))
    # -4 is near where hard swish is 0, and its code may be on the other side.
    np.testing.assert_array_equal(values["swish"], [np.nan, np.nan, 0])
    np.testing.assert_array_equal(values["relu"][[0, 2]], [0, 0])


def test_integer_graphs_shrink() -> None:
    graph = parse("quantize").apply(with_zeros(GRAPHS[0](), 0), Data(x=samples(GRAPHS[0](), 4)))
    before, after = extents(graph), extents(without_dead(graph))
    assert after["relu1"] < before["relu1"]


@graphs
def test_found_constants_are_constant(build: Callable[[], Graph]) -> None:
    graph = with_zeros(build(), 1)
    values = find_constants(graph)
    seen: dict[str, Any] = {}
    trace(graph, samples(graph, 3), seen.__setitem__)
    found = 0
    for tensor, own in values.items():
        at = ~np.isnan(own)
        found += int(at.sum())
        got = seen[tensor][..., at]
        np.testing.assert_allclose(got, np.broadcast_to(own[at], got.shape), rtol=1e-9, atol=1e-12)
    assert found


def chain(**settings: Any) -> Graph:
    """A filter of zeros, batch norm and relu before a second convolution."""
    b = GraphBuilder("chain", 1, 5, 5, 2)
    y = b.relu("relu", b.norm("bn", b.conv("first", "x", 4)))
    y = b.add("mean", Mean(axes=(1, 2)), b.relu("last", b.conv("second", y, 3, **settings)))
    graph = b.done(b.linear("fc", y, 2))
    op: Any = graph.nodes[0].op
    graph = with_op(graph, "first", weight=zeroed(op.weight, 1))
    norm: Any = graph.nodes[1].op
    shift = norm.beta.codes.copy()
    shift[1] = 9.0
    return with_op(graph, "bn", beta=Weight(codes=shift))


def test_a_constant_goes_into_the_next_bias() -> None:
    graph = chain(kernel=1)
    compact = without_dead(graph)
    assert extents(compact)["relu"] == 3
    before: Any = graph.nodes[3].op
    after: Any = compact.nodes[3].op
    constant = find_constants(graph)["relu"][1]
    assert constant > 5
    added = before.weight.codes[:, 0, 0, 1] * constant
    np.testing.assert_allclose(after.bias.codes, before.bias.codes + added, rtol=1e-6)


def test_a_constant_before_padding_stays() -> None:
    assert extents(without_dead(chain()))["relu"] == 4


def test_a_layer_without_bias_gets_one() -> None:
    graph = with_op(chain(kernel=1), "second", bias=None)
    compact = without_dead(graph)
    x = samples(graph, 2)
    np.testing.assert_allclose(trace(compact, x)["fc"], trace(graph, x)["fc"], rtol=1e-5)
    assert extents(compact)["relu"] == 3


def test_a_clamped_negative_constant_goes_before_padding() -> None:
    graph = chain()
    norm: Any = graph.nodes[1].op
    graph = with_op(graph, "bn", beta=Weight(codes=np.full_like(norm.beta.codes, -9.0)))
    assert extents(without_dead(graph))["relu"] < 4


def test_what_nobody_reads_goes_all_the_way_up() -> None:
    b = GraphBuilder("unread", 1, 3)
    y = b.linear("out", b.relu("r2", b.linear("b", b.relu("r1", b.linear("a", "x", 4)), 5)), 2)
    graph = b.done(y)
    op: Any = graph.nodes[-1].op
    graph = with_op(graph, "out", weight=zeroed(op.weight, (..., [0, 3])))
    op = graph.nodes[2].op
    # Only the rows that go read channel 2.
    keep = np.ones((5, 4), bool)
    keep[[1, 2, 4], 2] = False
    graph = with_op(graph, "b", weight=op.weight.masked(keep))
    got = extents(without_dead(graph))
    assert (got["a"], got["b"], got["out"]) == (3, 3, 2)


def test_one_reader_keeps_a_channel() -> None:
    b = GraphBuilder("readers", 1, 3)
    y = b.relu("r", b.linear("a", "x", 4))
    both = b.add("both", Concat(axis=-1), b.linear("left", y, 2), b.linear("right", y, 2))
    graph = b.done(both)
    for name in ("left", "right"):
        op: Any = next(n.op for n in graph.nodes if n.name == name)
        at = [1] if name == "left" else [1, 2]
        graph = with_op(graph, name, weight=zeroed(op.weight, (..., at)))
    assert extents(without_dead(graph))["a"] == 3


def test_a_closed_gate_ends_a_channel() -> None:
    b = GraphBuilder("gate", 1, 4, 4, 2)
    y = b.conv("conv", "x", 3)
    squeezed = b.add("mean", Mean(axes=(1, 2), keep_axes=True), y)
    gate = b.add("open", Elementary(function="relu"), b.conv("gate", squeezed, 3, kernel=1))
    graph = b.done(b.conv("out", b.add("gated", Mul(), y, gate), 2))
    op: Any = next(n.op for n in graph.nodes if n.name == "gate")
    graph = with_op(graph, "gate", weight=zeroed(op.weight, [0]), bias=weight_of([-1, 1, 1]))
    # The squeezed channel is still read by the gates of the others.
    assert extents(without_dead(graph))["conv"] == 3
    op = next(n.op for n in graph.nodes if n.name == "gate")
    graph = with_op(graph, "gate", weight=zeroed(op.weight, (..., [0])))
    assert extents(without_dead(graph))["conv"] == 2


def test_one_channel_stays() -> None:
    b = GraphBuilder("all", 1, 3)
    graph = b.done(b.linear("out", b.relu("r", b.linear("a", "x", 4)), 2))
    graph = with_op(graph, "a", weight=weight_of(np.zeros((4, 3)).tolist()))
    compact = without_dead(graph)
    assert extents(compact)["a"] == 1
    x = samples(graph, 2)
    np.testing.assert_allclose(trace(compact, x)["out"], trace(graph, x)["out"], rtol=1e-5)


def test_patterns_that_would_break_stay() -> None:
    b = GraphBuilder("pattern", 1, 8)
    graph = b.done(b.linear("out", b.relu("r", b.linear("a", "x", 8)), 4))
    op: Any = graph.nodes[0].op
    graph = with_op(graph, "a", weight=zeroed(op.weight, [1]), bias=weight_of([0.0] * 8))
    sparse = parse("prune{structure=2:4,layers=out}").apply(graph)
    assert extents(without_dead(graph))["a"] == 7
    after = without_dead(sparse)
    for node in after.nodes:
        for weight in node.op.constants:
            np.testing.assert_array_equal(weight.format.unpack(weight.packed), weight.matrix)
    x = samples(graph, 2)
    np.testing.assert_allclose(trace(after, x)["out"], trace(sparse, x)["out"], rtol=1e-5)


def test_a_graph_without_dead_channels_is_as_it_was() -> None:
    graph = GRAPHS[1]()
    assert without_dead(graph).to_text() == graph.to_text()
