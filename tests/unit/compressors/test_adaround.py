"""Learned rounding: against every choice of codes, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from compressors.adaround import Adaround
from compressors.prune import Prune
from compressors.quantize import Quantize
from compressors.share import Share
from compressors.training.adaround import Reconstruction, RoundingCourse, learned_codes
from hwsim.arrays import Array, FloatArray
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.graph import Graph
from hwsim.ops import Conv2d, Linear
from hwsim.reference import trace
from tests.graphs import GraphBuilder, grouped, mlp, residual, samples

COURSE = RoundingCourse(iterations=250, learning_rate=0.03, batch_size=64, seed=0)


def problem(seed: int, *, activation: str = "none") -> Reconstruction:
    """Return one filter of 6 weights on correlated inputs, in steps of 0.5."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((1, 200, 6)) @ (rng.standard_normal((6, 6)) + 1.0)
    real = rng.standard_normal((1, 1, 6))
    wanted = x @ real.transpose(0, 2, 1)
    return Reconstruction(
        real=real,
        steps=np.full(real.shape, 0.5),
        high=3,
        bias=np.zeros((1, 1, 1)),
        activation="relu" if activation == "relu" else "none",
        seen=x,
        wanted=np.maximum(wanted, 0.0) if activation == "relu" else wanted,
    )


def error(task: Reconstruction, codes: Array) -> float:
    made = task.seen @ (codes * task.steps).transpose(0, 2, 1) + task.bias
    made = np.maximum(made, 0.0) if task.activation == "relu" else made
    return float(((made - task.wanted) ** 2).sum())


def nearest(task: Reconstruction) -> FloatArray:
    return np.clip(np.rint(task.real / task.steps), -task.high, task.high)


@pytest.mark.parametrize("activation", ["none", "relu"])
@pytest.mark.parametrize("seed", range(1, 4))
def test_learned_codes_come_near_the_best_of_all(seed: int, activation: str) -> None:
    task = problem(seed, activation=activation)
    low = np.floor(task.real / task.steps)
    ups = product((0, 1), repeat=6)
    errors = [error(task, np.clip(low + np.array(up), -3, 3)) for up in ups]
    made = error(task, learned_codes(task, COURSE))
    assert min(errors) * (1 - 1e-9) <= made <= error(task, nearest(task))
    # Of 64 choices, one of the best three.
    assert sum(other < made * (1 - 1e-9) for other in errors) <= 2


def test_a_bias_counts_before_the_clamp() -> None:
    # All sums lie far below zero: whatever the codes, the outputs are right.
    task = problem(0, activation="relu")
    shifted = Reconstruction(
        real=task.real,
        steps=task.steps,
        high=task.high,
        bias=np.full((1, 1, 1), -1e3),
        activation="relu",
        seen=task.seen,
        wanted=np.zeros_like(task.wanted),
    )
    np.testing.assert_array_equal(learned_codes(shifted, COURSE), nearest(shifted))


def weights(graph: Graph) -> dict[str, Array]:
    return {n.name: n.op.weight.codes for n in graph.nodes if isinstance(n.op, (Conv2d, Linear))}


@pytest.mark.parametrize("clip", ["max", "mse"])
@pytest.mark.parametrize("group", [0, 8])
def test_codes_are_the_nearest_or_their_neighbour(group: int, clip: str) -> None:
    graph = mlp()
    data = Data(x=samples(graph, 32))
    spec = {"bits": 3, "group": group, "clip": clip, "iterations": 30}
    learned = Adaround.model_validate(spec).apply(graph, data)
    plain = Quantize.model_validate(
        {"weights": 3, "group": group, "clip": clip, "activations": 32}
    ).apply(graph, data)
    moved = 0
    for name, codes in weights(learned).items():
        apart = np.abs(codes.astype(int) - weights(plain)[name])
        assert apart.max() <= 1
        assert np.abs(codes).max() <= 3
        moved += int(apart.sum())
    assert moved > 0


def test_no_layer_is_worse_than_the_nearest_codes() -> None:
    # A hopeless course: the guard takes the nearest codes.
    b = GraphBuilder("one", 1, 12)
    graph = b.done(b.linear("fc", "x", 5))
    data = Data(x=samples(graph, 64))
    plain = weights(Quantize(weights=4, activations=32).apply(graph, data))
    learned = weights(Adaround(iterations=1, learning_rate=100.0).apply(graph, data))
    np.testing.assert_array_equal(learned["fc"], plain["fc"])


@pytest.mark.parametrize("build", [mlp, grouped])
def test_outputs_are_nearer_than_with_the_nearest_codes(build: Callable[[], Graph]) -> None:
    graph = build()
    x = samples(graph, 64)
    plain = Quantize(weights=3, activations=32).apply(graph, Data(x=x))
    learned = Adaround(bits=3, iterations=100).apply(graph, Data(x=x))
    (want,), (near,), (made,) = (trace(g, x).values() for g in (graph, plain, learned))
    assert ((made - want) ** 2).sum() < 0.85 * ((near - want) ** 2).sum()


def test_zeros_stay_zero_in_their_format() -> None:
    graph = Prune(sparsity=0.6).apply(residual())
    learned = Adaround(iterations=30).apply(graph, Data(x=samples(graph, 16)))
    pruned = {n.name: n.op.weight for n in graph.nodes if isinstance(n.op, (Conv2d, Linear))}
    for node in learned.nodes:
        if isinstance(node.op, (Conv2d, Linear)):
            assert node.op.weight.format.name == "bitmask"
            assert not (node.op.weight.nonzero & ~pruned[node.name].nonzero).any()


def test_seeds_choose_rows_and_repeat() -> None:
    graph = mlp()
    data = Data(x=samples(graph, 32))
    one, again, other = (
        weights(Adaround(bits=2, iterations=40, batch_size=4, seed=seed).apply(graph, data))
        for seed in (0, 0, 1)
    )
    for name, codes in one.items():
        np.testing.assert_array_equal(again[name], codes)
    assert any((other[name] != codes).any() for name, codes in one.items())


def test_integers_are_refused() -> None:
    graph = mlp()
    data = Data(x=samples(graph, 8))
    with pytest.raises(RecipeError, match=r"adaround expected a graph of floats.*before quantize"):
        Adaround().apply(Quantize().apply(graph, data), data)
    with pytest.raises(RecipeError, match="adaround expected inputs to calibrate on"):
        Adaround().apply(graph)


def test_shared_values_are_refused() -> None:
    graph = Share(clusters=3).apply(mlp())
    with pytest.raises(RecipeError, match=r"mlp/conv: adaround .* share no values, got .*codebook"):
        Adaround().apply(graph, Data(x=samples(graph, 8)))
