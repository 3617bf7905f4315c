"""Criteria: examples by hand, and closed forms of gradients as oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch.nn import functional

from compressors import Prune, Workbench, parse
from compressors.pruning.criteria import CRITERIA, CriterionName, Study
from compressors.pruning.followers import following_activation, following_norm
from compressors.workbench import UNWATCHED
from hwsim.arrays import Array, FloatArray
from hwsim.channels.layers import Layer, layers_of
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.graph import Graph
from hwsim.ops import Add, Conv2d, Elementary, Linear
from hwsim.reference import trace
from hwsim.tensor import Weight
from tests.graphs import (
    GRAPHS,
    GraphBuilder,
    decoder,
    gated,
    grouped,
    mlp,
    residual,
    samples,
    weight_of,
    with_op,
)

RNG = np.random.default_rng(5)


def study(graph: Graph, data: Data | None = None, **settings: Any) -> Study:
    return Study(graph=graph, layers=layers_of(graph), bench=Workbench(data=data), **settings)


def score(name: str, graph: Graph, data: Data | None = None, **settings: Any) -> FloatArray:
    """Return the scores of the only layer of `graph`."""
    (own,) = CRITERIA[name].score(study(graph, data, **settings)).values()
    return own


def perceptron(weight: Array) -> Graph:
    """Logits = weight @ x, without bias."""
    b = GraphBuilder("perceptron", 1, weight.shape[1])
    return b.done(b.add("fc", Linear(weight=weight_of(weight.tolist())), "x"))


def codes(graph: Graph, name: str) -> Array:
    (weight,) = (node.op.weight for node in graph.nodes if node.name == name)
    assert weight is not None
    return weight.codes


# Sun et al., arXiv 2306.11695, figure 1: weights, norms of inputs, what is left at 50%.
WANDA = np.array([[4, 0, 1, -1], [3, -2, -1, -3]], np.float32)
NORMS = np.array([1.0, 2.0, 8.0, 3.0])


def test_wanda_on_the_example_of_its_paper() -> None:
    graph = perceptron(WANDA)
    # Two rows per input, so that norms are taken over samples: (0.6 n)^2 + (0.8 n)^2 = n^2.
    x = np.concatenate([np.diag(0.6 * NORMS), np.diag(0.8 * NORMS)])
    np.testing.assert_allclose(
        score("wanda", graph, Data(x=x)), [[4, 0, 8, 3], [3, 4, 8, 9]], rtol=1e-6
    )
    pruned = Prune(sparsity=0.5, criterion="wanda").apply(graph, Data(x=x))
    np.testing.assert_array_equal(codes(pruned, "fc"), [[4, 0, 1, 0], [0, 0, -1, -3]])


def inputs_of(graph: Graph, layer: str, x: Array) -> FloatArray:
    (tensor,) = (node.inputs[0] for node in graph.nodes if node.name == layer)
    found: dict[str, FloatArray] = {}
    trace(graph, x, found.__setitem__)
    return found[tensor]


@pytest.mark.parametrize(
    ("build", "layer"),
    [(residual, "c1"), (grouped, "c2"), (residual, "fc")],
    ids=["residual-c1", "grouped-c2", "residual-fc"],
)
def test_norms_of_inputs_are_those_of_unfolded_images(
    build: Callable[[], Graph], layer: str
) -> None:
    graph = build()
    x = samples(graph, 5)
    op = layers_of(graph)[layer]
    scores = CRITERIA["wanda"].score(study(graph, Data(x=x)))[layer]
    seen = inputs_of(graph, layer, x)
    if isinstance(op, Linear):
        norms = np.sqrt(np.square(seen).reshape(-1, seen.shape[-1]).sum(axis=0))
        np.testing.assert_allclose(scores, np.abs(op.weight.real()) * norms)
        return
    assert isinstance(op, Conv2d)
    planes = torch.tensor(seen[:, 0].transpose(0, 3, 1, 2).copy())
    columns = functional.unfold(planes, op.kernel, padding=1, stride=op.stride)
    squares = columns.square().sum(dim=(0, 2)).numpy()  # channel, tap
    per_tap = squares.reshape(-1, *op.kernel).transpose(1, 2, 0)
    per_group = op.weight.shape[3]
    for out in range(op.weight.shape[0]):
        first = out // (op.weight.shape[0] // op.groups) * per_group
        norms = np.sqrt(per_tap[:, :, first : first + per_group])
        np.testing.assert_allclose(scores[out], np.abs(op.weight.real()[out]) * norms)


def softmax_gradients(weight: Array, x: Array, y: Array) -> FloatArray:
    """Return dL/dW per sample [samples, out, in]: (softmax(W x) - onehot(y)) x^T."""
    logits = x @ weight.T
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] -= 1.0
    return p[:, :, None] * x[:, None, :]


CLASSIFIER = RNG.standard_normal((3, 4)).astype(np.float32)
X, Y = RNG.standard_normal((6, 4)), np.array([0, 1, 2, 2, 1, 0])
LABELLED = Data(x=X, y=Y)


def test_fisher_is_optimal_brain_damage() -> None:
    h = np.square(softmax_gradients(CLASSIFIER, X, Y)).mean(axis=0)
    want = 0.5 * h * np.square(CLASSIFIER.astype(float))
    np.testing.assert_allclose(score("fisher", perceptron(CLASSIFIER), LABELLED), want, rtol=1e-5)


def test_optimal_brain_damage_by_hand() -> None:
    # One sample x = (1, 2) of class 0; logits (0, 0), so p = (1/2, 1/2): dL/dW = -+x / 2.
    graph = perceptron(np.array([[2.0, -1.0], [0.0, 0.0]]))
    data = Data(x=np.array([[1.0, 2.0]]), y=np.array([0]))
    # h = x^2 / 4 = (1/4, 1); 1/2 h w^2 = (1/2, 1/2); weights of zero cost nothing.
    np.testing.assert_allclose(score("fisher", graph, data), [[0.5, 0.5], [0.0, 0.0]])


def test_taylor_squares_the_gradient_of_a_batch() -> None:
    gradients = softmax_gradients(CLASSIFIER, X, Y)
    halves = [gradients[:3].mean(axis=0), gradients[3:].mean(axis=0)]
    want = np.mean([np.square(g * CLASSIFIER) for g in halves], axis=0)
    got = score("taylor", perceptron(CLASSIFIER), LABELLED, batch_size=3)
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_movement_sums_over_the_steps_of_a_training() -> None:
    rate = 0.3
    first = softmax_gradients(CLASSIFIER, X, Y).mean(axis=0)
    moved = CLASSIFIER - rate * first
    second = softmax_gradients(moved, X, Y).mean(axis=0)
    got = score("movement", perceptron(CLASSIFIER), LABELLED, epochs=2, learning_rate=rate)
    np.testing.assert_allclose(got, -(CLASSIFIER * first + moved * second), rtol=1e-4, atol=1e-6)


def test_what_moves_away_from_zero_stays() -> None:
    # Only class 0 is ever seen: its weights grow where x does.
    graph = perceptron(np.array([[0.1, -0.1], [0.1, -0.1]]))
    data = Data(x=np.array([[1.0, 1.0]] * 4), y=np.zeros(4, np.int64))
    scores = score("movement", graph, data)
    assert (np.sign(scores) == [[1, -1], [-1, 1]]).all()


def two_layers() -> tuple[Graph, Array, Array]:
    first, second = RNG.standard_normal((5, 4)), RNG.standard_normal((3, 5))
    b = GraphBuilder("two", 1, 4)
    hidden = b.relu("relu", b.add("fc1", Linear(weight=weight_of(first.tolist())), "x"))
    graph = b.done(b.add("fc2", Linear(weight=weight_of(second.tolist())), hidden))
    return graph, first, second


def test_taylor_of_activations_by_hand() -> None:
    graph, first, second = two_layers()
    active = np.maximum(X @ first.T, 0.0)
    logits = active @ second.T
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    p[np.arange(len(Y)), Y] -= 1.0
    want = np.abs(active * (p @ second)).mean(axis=0)
    for batch in (1, 4, 64):
        got = CRITERIA["taylor_activation"].score(study(graph, LABELLED, batch_size=batch))
        np.testing.assert_allclose(got["fc1"], want, rtol=1e-4)


def test_positions_of_a_channel_add_up_before_the_magnitude() -> None:
    # Two positions whose changes cancel: |1 - 1| = 0, where |1| + |-1| would be 2.
    b = GraphBuilder("pixels", 1, 1, 2, 1)
    conv = Conv2d(weight=weight_of([[[[1.0]]]]))
    flat = b.flat("flat", b.relu("relu", b.add("conv", conv, "x")))
    graph = b.done(b.add("fc", Linear(weight=weight_of([[1.0, -1.0], [0.0, 0.0]])), flat))
    data = Data(x=np.ones((1, 1, 2, 1)), y=np.array([0]))
    scores = CRITERIA["taylor_activation"].score(study(graph, data))
    np.testing.assert_allclose(scores["conv"], [0.0], atol=1e-7)


def test_zeros_of_activations_by_hand() -> None:
    b = GraphBuilder("zeros", 1, 2)
    weight = weight_of([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    hidden = b.relu("relu", b.add("fc1", Linear(weight=weight), "x"))
    graph = b.done(b.linear("fc2", hidden, 2))
    x = np.array([[1.0, -1.0], [2.0, 3.0], [-1.0, -5.0], [4.0, 0.0]])
    # ReLU outputs: 1 2 0 4, 0 3 0 0 and 0 0 6 0: zero in 1/4, 3/4 and 3/4.
    fc1 = study(graph, Data(x=x))
    only = Study(graph=graph, layers={"fc1": fc1.layers["fc1"]}, bench=fc1.bench)
    np.testing.assert_allclose(CRITERIA["apoz"].score(only)["fc1"], [0.75, 0.25, 0.25])
    means = CRITERIA["activation_mean"].score(only)["fc1"]
    np.testing.assert_allclose(means, [7 / 4, 3 / 4, 6 / 4])


def test_geometric_median_by_hand() -> None:
    # On a line at 0, 1, 2, 10: sums of distances 13, 11, 11, 27 (the first of equals goes).
    b = GraphBuilder("line", 1, 1)
    hidden = b.relu("relu", b.add("fc1", Linear(weight=weight_of([[0], [1], [2], [10]])), "x"))
    graph = b.done(b.linear("fc2", hidden, 2))
    scores = CRITERIA["geometric_median"].score(study(graph))["fc1"]
    np.testing.assert_allclose(scores, [13, 11, 11, 27])
    pruned = Prune(structure="filter", sparsity=0.25, criterion="geometric_median").apply(graph)
    np.testing.assert_array_equal(codes(pruned, "fc1"), [[0], [2], [10]])


def test_distances_are_those_of_all_pairs() -> None:
    graph = mlp()
    filters = codes(graph, "conv").reshape(6, -1).astype(float)
    want = np.linalg.norm(filters[:, None] - filters, axis=2).sum(axis=1)
    got = CRITERIA["geometric_median"].score(study(graph))["conv"]
    np.testing.assert_allclose(got, want, rtol=1e-9)


def test_norms_by_hand() -> None:
    graph = perceptron(np.array([[3.0, -4.0]]))
    assert score("l1", graph).tolist() == [[3, 4]]
    assert score("l2", graph).tolist() == [[9, 16]]
    assert score("lp", graph, p=3.0).tolist() == [[27, 64]]
    assert [CRITERIA[name].exponent(3.0) for name in ("l1", "l2", "lp")] == [1, 2, 3]


def test_random_is_seeded_and_says_nothing_about_other_layers() -> None:
    graph = residual()
    first, again = (CRITERIA["random"].score(study(graph, seed=1)) for _ in range(2))
    other = CRITERIA["random"].score(study(graph, seed=2))
    for name, own in first.items():
        np.testing.assert_array_equal(own, again[name])
        assert (own != other[name]).any()
    alone: dict[str, Layer] = {"a2": layers_of(graph)["a2"]}
    few = CRITERIA["random"].score(Study(graph=graph, layers=alone, bench=Workbench(), seed=1))
    np.testing.assert_array_equal(few["a2"], first["a2"])


def test_what_follows_a_layer() -> None:
    graph = residual()
    assert following_activation(graph, "stem").tensor == "stem_relu"
    # Behind batch norm and residual sum.
    assert following_activation(graph, "c2").tensor == "c_relu"
    assert following_activation(graph, "c2").is_one_sided
    # The logits end in what is no non-linearity of single channels.
    assert following_activation(graph, "fc").tensor == "fc"
    assert not following_activation(gated(), "conv").is_one_sided  # hard swish
    norm = following_norm(graph, "a1")
    assert norm is not None
    assert norm.gamma.shape == (8,)
    assert following_norm(graph, "fc") is None


def test_scale_of_batch_norm() -> None:
    graph = residual()
    gamma = np.array([5, -1, 2, 0.5, 4, 3, -6, 7])
    graph = with_op(graph, "a1_bn", gamma=Weight(codes=gamma.astype(np.float32)))
    pruned = Prune(structure="filter", sparsity=0.5, criterion="bn_scale", layers="a1").apply(graph)
    left = layers_of(pruned)["a1"].weight.codes
    np.testing.assert_array_equal(left, codes(graph, "a1")[[0, 4, 6, 7]])


@pytest.mark.parametrize(
    ("spec", "build", "message"),
    [
        ({"criterion": "bn_scale"}, mlp, "mlp/conv: .* expected a batch norm .* exclude=conv"),
        ({"criterion": "apoz"}, decoder, "decoder/stem: .* expected a ReLU .* exclude=stem"),
    ],
)
def test_a_criterion_that_does_not_fit_is_refused(
    spec: dict[str, Any], build: Callable[[], Graph], message: str
) -> None:
    graph = build()
    with pytest.raises(RecipeError, match=message):
        Prune(structure="filter", sparsity=0.5, **spec).apply(graph, Data(x=samples(graph, 4)))


@pytest.mark.parametrize("name", [c.name for c in CRITERIA.values() if c.needs != "none"])
def test_data_that_is_missing_is_named(name: CriterionName) -> None:
    structure = {"filter": "filter", "block": "layer"}.get(CRITERIA[name].unit, "unstructured")
    step = Prune(structure=structure, sparsity=0.5, criterion=name)
    assert step.needs == CRITERIA[name].needs
    with pytest.raises(RecipeError, match="prune expected inputs"):
        step.apply(residual())


@pytest.mark.parametrize("name", ["taylor", "fisher", "movement", "taylor_activation"])
@pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)
def test_gradients_reach_every_graph(build: Callable[[], Graph], name: str) -> None:
    graph = build()
    data = Data(x=samples(graph, 6), y=np.arange(6) % 3)
    own = study(graph, data)
    scores = CRITERIA[name].score(own)
    for layer, values in scores.items():
        op = own.layers[layer]
        assert values.shape == (op.weight.shape if name != "taylor_activation" else (len(values),))
        assert np.isfinite(values).all()
        assert np.any(values != 0.0), layer


def test_integer_weights_have_no_gradients() -> None:
    graph = Prune(sparsity=0.5).apply(mlp())
    data = Data(x=samples(graph, 8), y=np.zeros(8, np.int64))
    integer = parse("quantize").apply(graph, data)
    with pytest.raises(RecipeError, match=r"expected real weights .* prune before quantize"):
        Prune(sparsity=0.6, criterion="taylor").apply(integer, data)


def test_cosine_takes_the_block_that_changes_least() -> None:
    b = GraphBuilder("blocks", 1, 4)
    y = "x"
    for i, size in enumerate((1.0, 0.01, 0.5)):
        weight = Weight(codes=(size * RNG.standard_normal((4, 4))).astype(np.float32))
        inner = b.add(f"f{i}", Linear(weight=weight), y)
        y = b.add(f"sum{i}", Add(), inner, y)
    graph = b.done(b.add("tail", Elementary(function="tanh"), y))
    data = Data(x=RNG.standard_normal((50, 4)))
    scores = CRITERIA["cosine"].score(study(graph, data))
    found: dict[str, FloatArray] = {}
    trace(graph, data.x[:, None], found.__setitem__)
    before, after = found["x"].reshape(-1, 4), found["sum0"].reshape(-1, 4)
    cosines = (before * after).sum(axis=1)
    cosines /= np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    np.testing.assert_allclose(scores["sum0"], 1 - cosines.mean())
    pruned = Prune(structure="layer", sparsity=0.34, criterion="cosine").apply(graph, data)
    assert set(layers_of(pruned)) == {"f0", "f2"}


def test_watchers_see_what_movement_trains() -> None:
    seen: list[int] = []

    class Counting(type(UNWATCHED)):
        def on_epoch(self, done: int, total: int, loss: float) -> None:
            seen.append(done)

    bench = Workbench(data=LABELLED, watcher=Counting())
    Prune(sparsity=0.5, criterion="movement", epochs=3).compress(perceptron(CLASSIFIER), bench)
    assert seen == [1, 2, 3]


def test_every_criterion_has_a_name_that_is_checked() -> None:
    assert set(get_args(CriterionName)) == {*CRITERIA, "obs"}
    assert all(name == criterion.name for name, criterion in CRITERIA.items())


def test_scores_that_are_no_numbers_are_refused() -> None:
    graph = mlp()
    for node in graph.nodes:
        if node.op.weight is not None:
            huge = Weight(codes=node.op.weight.codes * np.float32(1e37))
            graph = with_op(graph, node.name, weight=huge)
    data = Data(x=samples(graph, 8), y=np.arange(8) % 4)
    with pytest.raises(RecipeError, match=r"mlp/.*: prune expected .* NaN from criterion=taylor"):
        Prune(sparsity=0.5, criterion="taylor").apply(graph, data)
