"""Optimal brain surgery: closed forms of single weights, and errors below those of magnitudes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compressors import Prune, parse
from compressors.pruning.criteria import CriterionName
from compressors.pruning.masks import keep_largest, keep_n_of_m
from compressors.pruning.obs import Portion, pruned_matrix
from hwsim.arrays import FloatArray
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.formats import NM
from hwsim.graph import Graph
from hwsim.ops import Conv2d, Conv2dTranspose, Linear
from hwsim.reference import trace
from tests.graphs import GraphBuilder, decoder, mlp, residual, samples, weight_of

# Far below every figure that is compared, far above what rounding adds to a Hessian.
DAMPING = 1e-9


def correlated(rng: np.random.Generator, samples_: int, depth: int) -> FloatArray:
    return rng.standard_normal((samples_, depth)) @ rng.standard_normal((depth, depth))


@pytest.mark.parametrize("q", range(4))
def test_one_weight_goes_as_surgery_says(q: int) -> None:
    rng = np.random.default_rng(q)
    x = correlated(rng, 50, 4)
    hessian = 2.0 / len(x) * x.T @ x
    real = rng.choice([-1.0, 1.0], (1, 4)) * rng.uniform(3, 4, (1, 4))
    real[0, q] = 1e-3  # Worth least, whatever the Hessian.
    pruned = pruned_matrix(real, hessian, Portion(fraction=0.25), DAMPING)
    # Hassibi and Stork, equation 5, over the columns that are not decided yet.
    inverse = np.linalg.inv(hessian[q:, q:])
    update = np.zeros(4)
    update[q:] = -real[0, q] / inverse[0, 0] * inverse[:, 0]
    np.testing.assert_allclose(pruned[0], real[0] + update, rtol=1e-6, atol=1e-12)
    assert pruned[0, q] == 0.0
    delta = pruned[0] - real[0]
    loss = 0.5 * delta @ hessian @ delta
    np.testing.assert_allclose(loss, real[0, q] ** 2 / (2 * inverse[0, 0]), rtol=1e-5)


def test_two_inputs_by_hand() -> None:
    # x1 = x2 always: what w1 = 1 gave, w2 = 2 gives too once it is 3.
    x = np.array([[1.0, 1.0], [2.0, 2.0], [-1.0, -1.0]])
    pruned = pruned_matrix(
        np.array([[1.0, 2.0]]), 2 / 3 * x.T @ x, Portion(fraction=0.5), damping=1e-6
    )
    np.testing.assert_allclose(pruned, [[0.0, 3.0]], atol=1e-4)


def test_without_correlation_nothing_can_make_up() -> None:
    real = np.array([[1.0, -2.0, 3.0, -4.0]])
    # 1/2 h w^2: 8, 2, 9/2 and 8 (h = 16, 1, 1, 1): the second goes, not the smallest.
    pruned = pruned_matrix(real, np.diag([16.0, 1.0, 1.0, 1.0]), Portion(fraction=0.25), 1e-12)
    np.testing.assert_allclose(pruned, [[1.0, 0.0, 3.0, -4.0]])


@pytest.mark.parametrize("pattern", [None, NM(2, 4), NM(1, 3)], ids=lambda p: p and p.name)
def test_errors_are_below_those_of_magnitudes(pattern: NM | None) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        mix = np.eye(150) + 0.5 * rng.standard_normal((150, 150)) / 150**0.5
        # As behind a ReLU: not negative, and correlated.
        x = np.maximum(rng.standard_normal((900, 150)) @ mix, 0.0)
        real = rng.standard_normal((6, 150))
        share = Portion(fraction=0.6, pattern=pattern)
        surgical = pruned_matrix(real, 2 / len(x) * x.T @ x, share, 0.01)
        if pattern is None:
            keep = keep_largest(np.abs(real), 0.6)
        else:
            keep = keep_n_of_m(np.abs(real), pattern.n, pattern.m)
        plain = real * keep
        errors = [np.square(x @ (real - w).T).sum() for w in (surgical, plain)]
        assert errors[0] < 0.9 * errors[1]
        if pattern is None:
            assert (surgical == 0).sum() == (plain == 0).sum() == round(0.6 * real.size)
        else:
            pattern.pack(surgical.astype(np.float32), 32)


def test_zeros_stay_and_are_counted() -> None:
    rng = np.random.default_rng(0)
    x, real = correlated(rng, 300, 200), rng.standard_normal((4, 200))
    real[:, 5:150:3] = 0.0
    before = real == 0.0
    pruned = pruned_matrix(real, x.T @ x, Portion(fraction=0.5), 0.01)
    assert (pruned == 0.0)[before].all()
    assert (pruned == 0.0).sum() == 400
    pattern = Portion(pattern=NM(2, 4))
    assert (pruned_matrix(real, x.T @ x, pattern, 0.01) == 0.0)[before].all()


def test_inputs_that_are_always_zero_lose_their_weights_first() -> None:
    x = np.random.default_rng(0).standard_normal((40, 4))
    x[:, 2] = 0.0
    pruned = pruned_matrix(np.array([[1.0, 1, 9, 1]]), x.T @ x, Portion(fraction=0.25), 0.01)
    assert np.flatnonzero(pruned[0] == 0.0).tolist() == [2]


def outputs_of_layers(graph: Graph, x: Any) -> dict[str, FloatArray]:
    found: dict[str, FloatArray] = {}
    trace(graph, x, found.__setitem__)
    return found


@pytest.mark.parametrize("structure", ["unstructured", "2:4"])
def test_layers_of_a_graph_keep_more_of_what_they_make(structure: str) -> None:
    graph = residual()
    x = samples(graph, 32)
    sparsity = None if structure == "2:4" else 0.5
    want = outputs_of_layers(graph, x)["fc"]
    errors: dict[str, float] = {}
    criteria: tuple[CriterionName, ...] = ("obs", "l1")
    for criterion in criteria:
        step = Prune(structure=structure, criterion=criterion, sparsity=sparsity)
        pruned = step.apply(graph, Data(x=x))
        errors[criterion] = float(np.square(outputs_of_layers(pruned, x)["fc"] - want).mean())
    assert errors["obs"] < 0.7 * errors["l1"]


def test_every_kind_of_layer_is_operated_on() -> None:
    graph = decoder()
    pruned = Prune(sparsity=0.5, criterion="obs").apply(graph, Data(x=samples(graph, 8)))
    kinds: set[type] = set()
    for node in pruned.nodes:
        op = node.op
        if isinstance(op, (Conv2d, Conv2dTranspose, Linear)):
            kinds.add(type(op))
            groups = 1 if isinstance(op, Linear) else op.groups
            size = op.weight.codes.size // groups
            assert (op.weight.codes == 0).sum() == groups * round(0.5 * size)
    assert kinds == {Conv2d, Conv2dTranspose, Linear}


def test_patches_of_a_transposed_convolution_make_its_result() -> None:
    b = GraphBuilder("up", 1, 4, 5, 4)
    b.transposed("up", "x", 6, stride=(2, 1), groups=2, extra=(1, 0))
    (node,) = b.done("up").nodes
    op = node.op
    assert isinstance(op, Conv2dTranspose)
    x = np.random.default_rng(0).standard_normal((3, 1, 4, 5, 4))
    patches = op.patches(x, 0)
    weight = op.weight.real().reshape(2, 3, -1)
    products = np.einsum("nbijgk,gok->nbijgo", patches, weight)
    assert op.bias is not None
    want = products.reshape(*products.shape[:4], 6) + op.bias.real()
    np.testing.assert_allclose(op.reference(x)[0], want, atol=1e-12)


def test_integer_weights_cannot_make_up() -> None:
    graph = mlp()
    data = Data(x=samples(graph, 8))
    integer = parse("quantize").apply(graph, data)
    with pytest.raises(RecipeError, match="expected reals, got int8; prune before quantize"):
        Prune(sparsity=0.5, criterion="obs").apply(integer, data)


def test_a_layer_sees_what_the_pruned_ones_before_it_make() -> None:
    b = GraphBuilder("chain", 1, 2)
    first = Linear(weight=weight_of([[1.0, 1.0], [0.01, 0.01]]))
    second = Linear(weight=weight_of([[1.0, 1000.0]]))
    graph = b.done(b.add("fc2", second, b.add("fc1", first, "x")))
    x = np.random.default_rng(0).standard_normal((20, 2))
    pruned = Prune(sparsity=0.5, criterion="obs").apply(graph, Data(x=x))
    left = [node.op.weight.codes for node in pruned.nodes if node.op.weight is not None]
    # The second row goes: of what it makes, fc2 needs nothing, which mattered most before.
    np.testing.assert_allclose(left[0], [[1, 1], [0, 0]])
    np.testing.assert_allclose(left[1], [[1, 0]], rtol=1e-6)
