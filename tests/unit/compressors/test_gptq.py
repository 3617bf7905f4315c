"""GPTQ: against its definition by elimination, and against every choice of codes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from compressors.gptq import Gptq, Order
from compressors.prune import Prune
from compressors.quantization.compensation import compensated
from compressors.quantization.hessian import hessians, inverse_root
from compressors.quantize import Quantize
from compressors.share import Share
from hwsim.arrays import Array, FloatArray
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.graph import Graph
from hwsim.ops import Conv2d, Linear
from hwsim.reference import trace
from tests.graphs import GraphBuilder, grouped, mlp, residual, samples, separable, with_op

TINY = 1e-9  # So little damping changes no code of these layers.


def problem(rows: int, depth: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return weights [rows, depth] and correlated inputs [200, depth]."""
    rng = np.random.default_rng(seed)
    mix = rng.standard_normal((depth, depth)) + 1.5
    return rng.standard_normal((rows, depth)), rng.standard_normal((200, depth)) @ mix


def output_error(weights: FloatArray, codes: Array, step: float, x: FloatArray) -> float:
    return float(((x @ (weights - codes * step).T) ** 2).sum())


def by_elimination(weights: FloatArray, step: float, high: int, hessian: FloatArray) -> Array:
    """Optimal Brain Quantization in a fixed order, each inverse made anew (Frantar, 2208.11580).

    Once a weight is fixed at q, the best of what is left moves by -(w - q) H^-1[:, 0] / H^-1[0, 0]
    of the Hessian of those left.
    """
    left, codes = weights.copy(), np.zeros(weights.shape, np.int64)
    for i in range(weights.shape[1]):
        inverse = np.linalg.inv(hessian[i:, i:])
        codes[:, i] = np.clip(np.rint(left[:, i] / step), -high, high)
        error = left[:, i] - codes[:, i] * step
        left[:, i:] -= np.outer(error, inverse[0] / inverse[0, 0])
    return codes


def best_of_all(row: FloatArray, step: float, high: int, x: FloatArray) -> float:
    """Return the least output error of one filter, over every choice of codes."""
    choices = product(range(-high, high + 1), repeat=len(row))
    return min(output_error(row[None], np.array([codes]), step, x) for codes in choices)


@pytest.mark.parametrize("seed", range(5))
def test_codes_are_those_of_elimination_column_by_column(seed: int) -> None:
    weights, x = problem(3, 6, seed)
    hessian = 2 * x.T @ x / len(x)
    steps = np.full(weights.shape, 0.4)
    root = inverse_root(hessian, TINY)
    codes = compensated(weights, steps, 3, root, np.arange(6))
    np.testing.assert_array_equal(codes, by_elimination(weights, 0.4, 3, hessian))


def test_blocks_of_columns_change_nothing() -> None:
    # More columns than one block: the errors of the first reach the second together.
    weights, x = problem(2, 150, 7)
    hessian = 2 * x.T @ x / len(x) + 0.5 * np.eye(150)
    steps = np.full(weights.shape, 0.3)
    codes = compensated(weights, steps, 7, inverse_root(hessian, TINY), np.arange(150))
    np.testing.assert_array_equal(codes, by_elimination(weights, 0.3, 7, hessian))


@pytest.mark.parametrize("seed", range(5))
def test_error_lies_between_the_best_of_all_and_the_nearest(seed: int) -> None:
    weights, x = problem(1, 5, seed)
    step = float(np.abs(weights).max())
    root = inverse_root(2 * x.T @ x / len(x), TINY)
    codes = compensated(weights, np.full(weights.shape, step), 1, root, np.arange(5))
    nearest = np.clip(np.rint(weights / step), -1, 1)
    least = best_of_all(weights[0], step, 1, x)
    assert least * (1 - 1e-9) <= output_error(weights, codes, step, x)
    assert output_error(weights, codes, step, x) <= output_error(weights, nearest, step, x)


def test_inputs_that_share_nothing_leave_the_nearest_codes() -> None:
    weights, _ = problem(4, 8, 1)
    steps = np.full(weights.shape, 0.5)
    root = inverse_root(np.diag(np.arange(1.0, 9.0)), 0.01)
    codes = compensated(weights, steps, 3, root, np.arange(8)[::-1])
    np.testing.assert_array_equal(codes, np.clip(np.rint(weights / steps), -3, 3))


def test_the_unit_of_inputs_changes_nothing_beside_one_that_is_always_zero() -> None:
    _, x = problem(4, 8, 0)
    x[:, 3] = 0.0
    hessian, live = 2 * x.T @ x / len(x), np.arange(8) != 3
    roots = [inverse_root(unit * hessian, 0.01)[np.ix_(live, live)] for unit in (1.0, 1e-6)]
    np.testing.assert_allclose(1e-3 * roots[1], roots[0], rtol=1e-9)


def layer_error(graph: Graph, other: Graph, x: Array) -> float:
    (want,), (made,) = trace(graph, x).values(), trace(other, x).values()
    return float(((want - made) ** 2).sum())


def one_linear(seed: int) -> tuple[Graph, Array]:
    _, x = problem(8, 24, seed)
    b = GraphBuilder("one", 1, 24)
    graph = b.done(b.linear("fc", "x", 8))
    weight = b.real(8, 24)
    return with_op(graph, "fc", weight=weight), x


@pytest.mark.parametrize("order", ["activation", "given"])
@pytest.mark.parametrize("group", [0, 8])
@pytest.mark.parametrize("seed", range(3))
def test_a_layer_errs_less_than_nearest_codes_do(seed: int, group: int, order: Order) -> None:
    graph, x = one_linear(seed)
    data = Data(x=x)
    nearest = Quantize(weights=3, group=group, activations=32).apply(graph, data)
    chosen = Gptq(bits=3, group=group, order=order, calibration_samples=200).apply(graph, data)
    assert layer_error(graph, chosen, x) < 0.5 * layer_error(graph, nearest, x)


@pytest.mark.parametrize("build", [grouped, separable])
def test_convolutions_are_rounded_group_by_group(build: Callable[[], Graph]) -> None:
    graph = build()
    x = samples(graph, 32)
    nearest = Quantize(weights=3, activations=32).apply(graph, Data(x=x))
    chosen = Gptq(bits=3).apply(graph, Data(x=x))
    assert layer_error(graph, chosen, x) < layer_error(graph, nearest, x)


def test_the_hessian_of_a_depthwise_convolution_by_hand() -> None:
    b = GraphBuilder("depthwise", 1, 2, 2, 2)
    graph = b.done(b.conv("dw", "x", 2, kernel=1, groups=2))
    op = graph.nodes[0].op
    assert isinstance(op, Conv2d)
    x = np.array([[[[[1.0, 10.0], [2.0, 20.0]], [[3.0, 30.0], [4.0, 40.0]]]]])
    # Channel 0 sees 1, 2, 3, 4: 2 (1 + 4 + 9 + 16) / 4.
    np.testing.assert_allclose(hessians(op, [x]), [[[15.0]], [[1500.0]]])


@pytest.mark.parametrize("order", ["activation", "given"])
def test_zeros_stay_zero_in_their_format(order: Order) -> None:
    graph = Prune(structure="2:4").apply(residual())
    chosen = Gptq(order=order).apply(graph, Data(x=samples(graph, 16)))
    for before, after in zip(graph.nodes, chosen.nodes, strict=False):
        if isinstance(before.op, (Conv2d, Linear)) and before.name == after.name:
            assert after.op.weight is not None
            assert after.op.weight.format == before.op.weight.format
            assert not (after.op.weight.nonzero & ~before.op.weight.nonzero).any()


def test_quantize_keeps_the_codes() -> None:
    graph = mlp()
    data = Data(x=samples(graph, 16))
    chosen = Gptq(bits=4).apply(graph, data)
    whole = Quantize(weights=8).apply(chosen, data)
    for before, after in zip(chosen.nodes, whole.nodes, strict=True):
        if before.op.weight is not None:
            assert after.op.weight is not None
            assert after.op.weight.bits == 4
            np.testing.assert_array_equal(after.op.weight.codes, before.op.weight.codes)
    assert all(type_.quant is not None for type_ in whole.tensors.values())


def test_layers_of_several_steps_have_several_widths() -> None:
    graph = mlp()
    data = Data(x=samples(graph, 16))
    graph = Gptq(bits=8, layers="conv").apply(graph, data)
    graph = Gptq(bits=3, exclude="fc2").apply(graph, data)
    bits = {node.name: node.op.weight.bits for node in graph.nodes if node.op.weight is not None}
    assert bits == {"conv": 8, "fc1": 3, "fc2": 32}


def test_an_input_that_is_always_zero_leaves_its_weights_the_nearest_codes() -> None:
    graph, x = one_linear(0)
    x = x.copy()
    x[:, 5] = 0.0
    chosen = Gptq(bits=4).apply(graph, Data(x=x)).nodes[0].op.weight
    nearest = Quantize(weights=4, activations=32).apply(graph).nodes[0].op.weight
    assert chosen is not None
    assert nearest is not None
    np.testing.assert_array_equal(chosen.codes[:, 5], nearest.codes[:, 5])


def test_integers_are_refused() -> None:
    graph = mlp()
    data = Data(x=samples(graph, 8))
    whole = Quantize().apply(graph, data)
    with pytest.raises(RecipeError, match=r"gptq expected a graph of floats.*before quantize"):
        Gptq().apply(whole, data)
    with pytest.raises(RecipeError, match="which leave none"):
        Gptq(layers="no_such").apply(graph, data)
    with pytest.raises(RecipeError, match="gptq expected inputs to calibrate on"):
        Gptq().apply(graph)


def test_shared_values_are_refused() -> None:
    graph = Share(clusters=3).apply(mlp())
    with pytest.raises(RecipeError, match=r"mlp/conv: gptq .* share no values, got .*codebook"):
        Gptq().apply(graph, Data(x=samples(graph, 8)))
