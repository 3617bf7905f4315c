"""Finetune is a step of a recipe: settings, refusals, and the weights that stay zero."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from compressors.finetune import Finetune
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.graph import Graph, Node
from hwsim.numerics import Quant
from hwsim.ops import Linear
from hwsim.reference import trace
from hwsim.tensor import TensorType, Weight
from tests.graphs import GraphBuilder, samples


def classifier() -> Graph:
    """Return a pruned linear classifier of 8 features into 2 classes that knows nothing yet."""
    codes = np.full((2, 8), 0.01, np.float32)
    codes[:, 4:] = 0.0
    node = Node(name="fc", op=Linear(weight=Weight(codes=codes)), inputs=("x",), outputs=("y",))
    tensors = {"x": TensorType(shape=(1, 8)), "y": TensorType(shape=(1, 2))}
    return Graph(name="toy", inputs=("x",), outputs=("y",), tensors=tensors, nodes=(node,))


def data() -> Data:
    """Return 64 points; the sign of feature 0 is the class."""
    x = np.random.default_rng(0).normal(size=(64, 8))
    return Data(x=x, y=(x[:, 0] > 0).astype(np.int64))


def test_it_learns_with_the_weights_that_are_left() -> None:
    graph = classifier()
    tuned = Finetune(epochs=20, learning_rate=0.1, batch_size=16).apply(graph, data())
    (scores,) = trace(tuned, data().x).values()
    assert np.mean(scores[:, 0].argmax(axis=-1) == data().y) >= 0.95
    trained, before = tuned.nodes[0].op.weight, graph.nodes[0].op.weight
    assert trained is not None
    assert before is not None
    np.testing.assert_array_equal(trained.codes != 0, before.codes != 0)
    np.testing.assert_array_equal(before.codes, classifier().nodes[0].op.constants[0].codes)


def test_equal_settings_give_equal_graphs() -> None:
    step = Finetune(epochs=2, seed=7)
    first, second = (step.apply(classifier(), data()).nodes[0].op.constants[0] for _ in range(2))
    np.testing.assert_array_equal(first.codes, second.codes)


def test_it_prints_as_the_spec_that_makes_it() -> None:
    assert str(Finetune()) == "finetune"
    assert str(Finetune(epochs=2, learning_rate=0.1)) == "finetune{epochs=2,learning_rate=0.1}"


@pytest.mark.parametrize(
    "settings",
    [{"epochs": 0}, {"learning_rate": 0.0}, {"learning_rate": float("nan")}, {"batch_size": 0}],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Finetune.model_validate(settings)


def test_integer_graphs_are_refused() -> None:
    graph = classifier()
    quant = Quant(scale=(0.1,), zero_point=(0,), bits=8, signed=True)
    tensors = {name: replace(type_, quant=quant) for name, type_ in graph.tensors.items()}
    with pytest.raises(RecipeError, match=r"^toy: finetune .*; finetune before quantize$"):
        Finetune().apply(replace(graph, tensors=tensors), data())


@pytest.mark.parametrize("given", [None, replace(data(), y=None)])
def test_missing_labels_are_refused(given: Data | None) -> None:
    with pytest.raises(RecipeError, match=r"^toy: finetune expected inputs with labels, got no "):
        Finetune().apply(classifier(), given)


def test_importing_it_does_not_import_torch() -> None:
    code = "import sys, compressors.finetune; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_graph_without_constants_is_refused() -> None:
    b = GraphBuilder("bare", 1, 4)
    graph = b.done(b.relu("relu", "x"))
    data = Data(x=samples(graph, 4), y=np.arange(4))
    with pytest.raises(RecipeError, match=r"bare: training expected constants .* got none"):
        Finetune(epochs=1).apply(graph, data)
