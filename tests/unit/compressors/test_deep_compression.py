"""Deep Compression as a recipe: bytes of the file, accuracy, and what each step leaves alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import hwsim
from compressors import Finetune, Prune, Recipe, parse
from compressors.workbench import Workbench
from examples import digits, networks
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.graph import Graph
from hwsim.reference import trace

FILE = Path(__file__).parents[3] / "examples" / "recipes" / "deep_compression.yaml"
# Of 64-300-100-10 in float32: 50,200 weights and 410 biases.
FLOAT32_BYTES = 4 * 50_610


def shortened(recipe: Recipe) -> Recipe:
    """Return the recipe with fewer passes over the data."""
    epochs = {Prune: 1, Finetune: 12}
    steps = tuple(
        step.model_copy(update={"epochs": min(epochs[type(step)], step.epochs)})
        if isinstance(step, (Prune, Finetune))
        else step
        for step in recipe.steps
    )
    return replace(recipe, steps=steps)


def accuracy(graph: Graph, data: Data) -> float:
    (scores,) = trace(graph, data.x).values()
    return float((scores.reshape(data.count, -1).argmax(axis=1) == data.y).mean())


def weights(graph: Graph) -> list[Array]:
    return [node.op.weight.codes for node in graph.nodes if node.op.weight is not None]


@cache
def compressed() -> tuple[Graph, tuple[Graph, ...]]:
    """Return a trained network, and what each step of the recipe makes of it."""
    (x, y), _ = digits.digits()
    net = digits.train(0, 20, networks.Mlp)
    graph = hwsim.load((net, digits.example_inputs()))
    made: list[Graph] = []
    bench = Workbench(data=Data(x=x, y=y))
    shortened(parse(FILE)).compress(graph, bench, lambda _, result: made.append(result))
    return graph, tuple(made)


@pytest.mark.slow
def test_thirty_times_smaller_and_as_accurate(tmp_path: Path) -> None:
    graph, made = compressed()
    _, (x, y) = digits.digits()
    test = Data(x=x, y=y)
    path = tmp_path / "mlp.hwsim"
    hwsim.save(made[-1], path)
    assert graph.storage_bytes == FLOAT32_BYTES
    assert 30 * path.stat().st_size <= FLOAT32_BYTES
    assert accuracy(hwsim.load(path), test) >= accuracy(graph, test) - 0.005


@pytest.mark.slow
def test_each_step_keeps_what_the_one_before_it_made() -> None:
    _, (pruned, tuned, shared, moved, encoded) = compressed()
    for before, after in ((pruned, tuned), (tuned, shared), (shared, moved), (moved, encoded)):
        for old, new in zip(weights(before), weights(after), strict=True):
            np.testing.assert_array_equal(old == 0, new == 0)
    for graph in (shared, moved, encoded):
        assert all(len(np.unique(codes)) <= 8 for codes in weights(graph))
    for old, new in zip(weights(moved), weights(encoded), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.slow
def test_each_kind_of_step_makes_it_smaller() -> None:
    graph, (pruned, _, shared, _, encoded) = compressed()
    sizes = [made.storage_bytes for made in (graph, pruned, shared, encoded)]
    assert all(after < before for before, after in pairwise(sizes))
    nonzero = sum(np.count_nonzero(codes) for codes in weights(pruned))
    assert nonzero == 50_200 - round(0.9 * 50_200)
