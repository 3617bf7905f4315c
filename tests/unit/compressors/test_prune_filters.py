"""Filter pruning: coupled channels go together, the lowest scores first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compressors import Prune, parse
from compressors.pruning.filters import Choice, choose
from hwsim.channels.find import find_channels
from hwsim.errors import RecipeError
from hwsim.graph import Graph
from hwsim.ops import (
    Add,
    Concat,
    Conv2d,
    Conv2dTranspose,
    Elementary,
    Linear,
    Mean,
    Mul,
    PRelu,
    Reshape,
    Slice,
)
from hwsim.reference import trace
from hwsim.tensor import Weight
from tests.dead import extents, silenced
from tests.graphs import (
    GRAPHS,
    GraphBuilder,
    attention,
    concatenated,
    gated,
    grouped,
    mlp,
    residual,
    samples,
    separable,
    weight_of,
    with_op,
)

graphs = pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)


@graphs
def test_dead_channels_are_the_first_to_go(build: Callable[[], Graph]) -> None:
    graph = build()
    channels = find_channels(graph)
    made = {
        node.name: set(channels.of[node.outputs[0]].tolist())
        for node in graph.nodes
        if isinstance(node.op, (Conv2d, Conv2dTranspose, Linear))
        and node.op.constants[0].shape[-1] != 1
    }
    group = next(own for own in made.values() if not own & channels.fixed)
    dead = sorted(group)[1]
    quiet = silenced(graph, channels, [dead])
    layers = ";".join(name for name, own in made.items() if own & group)
    pruned = Prune(structure="filter", sparsity=1 / len(group), layers=layers).apply(quiet)
    assert sum(extents(pruned).values()) < sum(extents(graph).values())
    x = samples(graph, 3)
    want, got = trace(quiet, x), trace(pruned, x)
    for name in want:
        np.testing.assert_allclose(got[name], want[name], rtol=1e-9, atol=1e-9)


def test_half_of_the_residual_net() -> None:
    got = extents(Prune(structure="filter", sparsity=0.5).apply(residual()))
    assert (got["stem"], got["a1"], got["a2"], got["a_sum"]) == (4, 4, 4, 4)
    assert (got["c1"], got["c2"], got["proj"], got["flat"], got["fc"]) == (6, 6, 6, 6, 5)


def test_depthwise_follows_its_input() -> None:
    graph = Prune(structure="filter", sparsity=0.5).apply(separable())
    got = extents(graph)
    assert (got["stem"], got["dw1"], got["pw1"], got["dw2"], got["pw2"]) == (3, 3, 4, 8, 5)
    ops = {node.name: node.op for node in graph.nodes}
    dw2 = ops["dw2"]
    assert isinstance(dw2, Conv2d)
    assert (dw2.groups, dw2.weight.shape) == (4, (8, 3, 3, 1))


def test_groups_stay_equal() -> None:
    graph = Prune(structure="filter", sparsity=0.5).apply(grouped())
    got = extents(graph)
    assert (got["c1"], got["c2"], got["c3"], got["flat"]) == (4, 6, 3, 108)
    c2 = next(node.op for node in graph.nodes if node.name == "c2")
    assert isinstance(c2, Conv2d)
    assert (c2.groups, c2.weight.shape) == (2, (6, 3, 3, 2))


def test_slices_and_concatenations_follow() -> None:
    graph = Prune(structure="filter", sparsity=0.5).apply(concatenated())
    got = extents(graph)
    assert (got["left"], got["left2"], got["right"], got["both"]) == (3, 2, 3, 8)
    cut = next(node.op for node in graph.nodes if isinstance(node.op, Slice))
    assert got["cut"] == cut.stop[-1] - cut.start[-1]


def test_flattened_images_drop_columns() -> None:
    graph = Prune(structure="filter", sparsity=0.5, layers="conv").apply(mlp())
    fc1 = next(node.op for node in graph.nodes if node.name == "fc1")
    assert isinstance(fc1, Linear)
    assert fc1.weight.shape == (10, 4 * 4 * 3)


def test_gates_constants_and_products_follow() -> None:
    got = extents(Prune(structure="filter", sparsity=0.5).apply(gated()))
    assert (got["conv"], got["up"], got["shift"], got["down"], got["mix"]) == (4, 4, 4, 2, 3)


def test_mixed_channels_stay() -> None:
    graph = attention()
    got, before = extents(Prune(structure="filter", sparsity=0.5).apply(graph)), extents(graph)
    assert got["up"] == 6
    assert {name for name in got if got[name] != before[name]} == {"up", "gelu"}


@pytest.mark.parametrize(("sparsity", "kept"), [(0.0, 12), (0.1, 12), (0.5, 8), (0.99, 4)])
def test_counts_are_rounded_up(sparsity: float, kept: int) -> None:
    b = GraphBuilder("round", 1, 5)
    graph = b.done(b.linear("out", b.linear("hidden", "x", 12), 3))
    prune = Prune(structure="filter", sparsity=sparsity, round_to=4)
    assert extents(prune.apply(graph))["hidden"] == kept


def test_scores_add_over_coupled_filters() -> None:
    b = GraphBuilder("coupled", 1, 1)
    total = b.add("sum", Add(), b.linear("a", "x", 3), b.linear("b", "x", 3))
    graph = b.done(b.linear("out", total, 1))
    graph = with_op(graph, "a", weight=weight_of([[1], [5], [3]]))
    graph = with_op(graph, "b", weight=weight_of([[-6], [1], [3.5]]))
    graph = with_op(graph, "out", weight=weight_of([[10, 20, 30]]))

    def left(criterion: str) -> list[float]:
        spec = f"prune{{structure=filter,sparsity=0.4,criterion={criterion}}}"
        op = next(n.op for n in parse(spec).apply(graph).nodes if n.name == "out")
        assert op.weight is not None
        return op.weight.codes[0].tolist()

    assert left("l1") == [10, 30]  # 7, 6, 6.5
    assert left("l2") == [10, 20]  # sqrt 37, sqrt 26, sqrt 21.25


def test_global_ranks_over_means() -> None:
    b = GraphBuilder("global", 1, 1)
    graph = b.done(b.linear("out", b.linear("large", b.linear("small", "x", 4), 4), 1))
    graph = with_op(graph, "small", weight=weight_of([[0.1], [0.1], [0.1], [0.1]]))
    large = np.diag([1.0, 2.0, 300.0, 400.0])
    graph = with_op(graph, "large", weight=Weight(codes=large.astype(np.float32)))
    got = extents(Prune(structure="filter", sparsity=0.25, scope="global").apply(graph))
    assert (got["small"], got["large"]) == (4, 2)


def test_nothing_to_remove_is_said() -> None:
    b = GraphBuilder("single", 1, 5)
    with pytest.raises(RecipeError, match=r"single: prune\{structure=filter\} finds no channel"):
        Prune(structure="filter", sparsity=0.5).apply(b.done(b.linear("fc", "x", 3)))


def test_filters_after_a_pattern_are_refused() -> None:
    with pytest.raises(RecipeError, match="prune filters first"):
        parse("prune{structure=2:4}|prune{structure=filter,sparsity=0.5}").apply(residual())


def test_odd_reshapes_and_lone_factors_stay() -> None:
    b = GraphBuilder("odd", 1, 4, 4, 1)
    y = b.conv("conv", "x", 6)
    gain = b.conv("gain", y, 1, kernel=1)
    y = b.add("scaled", Mul(), y, gain)
    y = b.add("odd_reshape", Reshape(shape=(1, 24, 4)), y)
    graph = b.done(b.linear("out", b.linear("hidden", y, 4), 2))
    got = extents(Prune(structure="filter", sparsity=0.5).apply(graph))
    assert (got["conv"], got["gain"], got["hidden"]) == (6, 1, 2)


def layers_of(graph: Graph, spec: str) -> list[int]:
    """Return the channels that each layer makes once `spec` is applied."""
    weights = [node.op.weight for node in parse(spec).apply(graph).nodes]
    return [weight.shape[0] for weight in weights if weight is not None]


def test_rounding_counts_the_channels_of_coupled_sets() -> None:
    b = GraphBuilder("coupled", 1, 4, 4, 3)
    y = b.relu("r2", b.conv("c2", b.relu("r1", b.conv("c1", "x", 16)), 16, groups=2))
    graph = b.done(b.linear("fc", b.add("mean", Mean(axes=(1, 2)), y), 4))
    assert layers_of(graph, "prune{structure=filter,sparsity=0.5,round_to=8}") == [8, 8, 4]
    assert layers_of(graph, "prune{structure=filter,sparsity=0.4,round_to=8}") == [16, 16, 4]


def side_by_side(left: int, right: int, seed: int) -> Graph:
    """Two branches joined, plus a convolution as wide as both."""
    b = GraphBuilder("beside", 1, 4, 4, 3, seed=seed)
    both = b.add("both", Concat(axis=-1), b.conv("a", "x", left), b.conv("b", "x", right))
    y = b.add("sum", Add(), both, b.conv("c", "x", left + right))
    return b.done(b.linear("fc", b.add("mean", Mean(axes=(1, 2)), y), 3))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("sparsity", [0.3, 0.5, 0.8])
def test_rounding_holds_on_each_side_of_a_concatenation(seed: int, sparsity: float) -> None:
    spec = f"prune{{structure=filter,sparsity={sparsity},round_to=2}}"
    left, right, both, _ = layers_of(side_by_side(4, 4, seed), spec)
    assert left % 2 == right % 2 == both % 2 == 0
    # 3 + 3 of 4 + 4 would round up to all.
    assert left + right == both <= (6 if sparsity >= 0.5 else 8)


def test_where_no_multiple_fits_all_channels_stay() -> None:
    spec = "prune{structure=filter,sparsity=0.8,round_to=4}"
    # Of 3 only all can stay; then 4 + 3 or 5 + 3 stay of the sum, and 7 is no multiple.
    assert layers_of(side_by_side(5, 3, 0), spec) == [5, 3, 8, 3]


@graphs
@pytest.mark.parametrize("round_to", [2, 3, 4])
@pytest.mark.parametrize("scope", ["local", "global"])
def test_every_layer_keeps_a_multiple_or_all(
    build: Callable[[], Graph], round_to: int, scope: str
) -> None:
    graph = build()
    spec = f"prune{{structure=filter,sparsity=0.6,round_to={round_to},scope={scope}}}"
    before, after = extents(graph), extents(parse(spec).apply(graph))
    for node in graph.nodes:
        is_depthwise = isinstance(node.op, Conv2d) and node.op.is_depthwise
        if isinstance(node.op, (Conv2d, Linear)) and not is_depthwise:
            assert after[node.name] in (before[node.name], *range(round_to, 99, round_to))


def hidden_layers() -> Graph:
    """Three hidden layers, of 4, 8 and 4."""
    b = GraphBuilder("hidden", 1, 5)
    y = b.linear("a", "x", 4)
    return b.done(b.linear("out", b.linear("c", b.linear("b", y, 8), 4), 2))


def chosen(scores: dict[str, list[float]], **settings: Any) -> dict[str, list[int]]:
    """Return which channels of each layer of `hidden_layers` go."""
    graph = hidden_layers()
    channels = find_channels(graph)
    arrays = {name: np.array(own, np.float64) for name, own in scores.items()}
    removed = choose(graph, channels, Choice(**settings), "abc", arrays)
    return {
        name: np.flatnonzero(np.isin(channels.of[name], sorted(removed))).tolist() for name in "abc"
    }


SCORES = {"a": [4.0, 1, 3, 2], "b": [1.0, 2, 3, 4, 5, 6, 7, 8], "c": [0.0, 0, 0, 1]}


def test_layers_have_fractions_of_their_own() -> None:
    got = chosen(SCORES, sparsity=0.25, fractions={"b": 0.5, "c": 0.0})
    assert got == {"a": [1], "b": [0, 1, 2, 3], "c": []}


def test_fractions_hold_beside_a_global_threshold() -> None:
    # a and b over their means: 1.6, 0.4, 1.2, 0.8 and 0.22, 0.44, 0.67, ...
    got = chosen(SCORES, sparsity=0.25, scope="global", fractions={"c": 0.5})
    assert got == {"a": [1], "b": [0, 1], "c": [0, 1]}


def test_layers_that_share_channels_lose_the_smallest_fraction() -> None:
    b = GraphBuilder("shared", 1, 5)
    total = b.add("sum", Add(), b.linear("a", "x", 4), b.linear("b", "x", 4))
    graph = b.done(b.linear("out", total, 2))
    channels = find_channels(graph)
    scores = {"a": np.array([1.0, 5, 1, 1]), "b": np.array([4.0, 0, 3, 2])}
    choice = Choice(sparsity=0.0, fractions={"a": 0.75, "b": 0.25})
    removed = choose(graph, channels, choice, "ab", scores)
    assert np.flatnonzero(np.isin(channels.of["sum"], sorted(removed))).tolist() == [3]


def test_halves_of_a_gated_hidden_layer_go_together() -> None:
    b = GraphBuilder("glu", 1, 5, 6)
    both = b.linear("both", "x", 16)
    cuts = [
        b.add(name, Slice(start=(0, 0, low), stop=(1, 5, low + 8), step=(1, 1, 1)), both)
        for name, low in (("value", 0), ("gate", 8))
    ]
    gate = b.add("open", Elementary(function="silu"), cuts[1])
    graph = b.done(b.linear("down", b.add("gated", Mul(), cuts[0], gate), 6))
    got = extents(Prune(structure="filter", sparsity=0.5).apply(graph))
    assert (got["both"], got["value"], got["gate"], got["gated"]) == (8, 4, 4, 4)


def test_slopes_of_channels_follow() -> None:
    b = GraphBuilder("slopes", 1, 4, 4, 2)
    y = b.add("each", PRelu(alpha=b.real(6)), b.conv("conv", "x", 6))
    y = b.add("one", PRelu(alpha=weight_of([0.1])), y)
    graph = Prune(structure="filter", sparsity=0.5).apply(b.done(b.conv("out", y, 2)))
    slopes = [n.op.alpha.shape for n in graph.nodes if isinstance(n.op, PRelu)]
    assert slopes == [(3,), (1,)]
