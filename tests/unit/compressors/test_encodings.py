"""Ranges that are far off or nothing at all: what is refused, and what zeros become."""

from __future__ import annotations

import numpy as np
import pytest

from compressors import Quantize
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.graph import Graph
from hwsim.numerics import Quant
from hwsim.ops import Add
from hwsim.reference import trace
from hwsim.tensor import Weight
from tests.graphs import GraphBuilder, run_integers, samples, weight_of, with_op


def quant(graph: Graph, tensor: str) -> Quant:
    found = graph.tensors[tensor].quant
    assert found is not None
    return found


def two_layers(first: float = 1.0, second: float = 1.0) -> Graph:
    b = GraphBuilder("two", 1, 6)
    graph = b.done(b.linear("b", b.relu("relu", b.linear("a", "x", 6)), 4))
    for name, factor in (("a", first), ("b", second)):
        op = next(node.op for node in graph.nodes if node.name == name)
        assert op.weight is not None
        scaled = op.weight.codes.astype(np.float64) * factor
        graph = with_op(graph, name, weight=Weight(codes=scaled.astype(np.float32)))
    return graph


def steps_off(graph: Graph, integers: Graph, x: np.ndarray, policy: str) -> float:
    """Return the largest error of the first output, in its steps."""
    encoding = quant(integers, graph.outputs[0])
    real = encoding.decode(run_integers(integers, x, policy)[graph.outputs[0]])
    want = trace(graph, x)[graph.outputs[0]]
    return float(np.abs(real - want).max() / encoding.scale[0])


@pytest.mark.parametrize(
    ("graph", "magnitude", "message"),
    [
        (two_layers(), 1e60, r"^two: quantize: tensor 'x' ranges over -.*e\+60 .. .*e\+60; expec"),
        (two_layers(1e10), 1e19, r"^two: quantize: tensor '(a|relu)' ranges over"),
        (two_layers(1e30), 1e-30, r"^two/a: quantize: expected constants up to 1.15e\+18, got"),
    ],
)
def test_ranges_beyond_float32_are_refused(graph: Graph, magnitude: float, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        Quantize().apply(graph, Data(x=magnitude * samples(graph, 8)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("policy", ["tflite-ref", "tflm", "xnnpack"])
@pytest.mark.parametrize("first", [1e-30, 1e-10, 1.0, 1e10])
@pytest.mark.parametrize("second", [1e-30, 1e-10, 1.0])
@pytest.mark.parametrize("magnitude", [0.0, 1e-30, 1.0])
def test_small_ranges_keep_scales_normal(
    first: float, second: float, magnitude: float, policy: str
) -> None:
    graph = two_layers(first, second)
    x = magnitude * samples(graph, 8)
    integers = Quantize().apply(graph, Data(x=x))
    scales = [(quant(integers, node.inputs[0]), node.op.weight) for node in integers.nodes]
    for operand, weight in scales:
        assert weight is not None
        assert weight.quant is not None
        products = np.float32(operand.scale[0]) * np.array(weight.quant.scale, np.float32)
        assert (products >= np.finfo(np.float32).tiny).all()
    assert steps_off(graph, integers, x, policy) < 3


@pytest.mark.parametrize("policy", ["tflite-ref", "tflm", "xnnpack"])
@pytest.mark.parametrize("weights", [2, 4, 8])
@pytest.mark.parametrize("magnitude", [1e-6, 1.0, 1e6])
def test_a_dead_activation_leaves_the_next_bias(
    magnitude: float, weights: int, policy: str
) -> None:
    graph = with_op(two_layers(second=magnitude), "a", bias=weight_of([-1000.0] * 6))
    graph = with_op(graph, "b", bias=weight_of([0.01, -0.02, 0.03, 0.004]))
    x = samples(graph, 8)
    integers = Quantize(weights=weights).apply(graph, Data(x=x))
    # Half a step of the output, and what the bias is rounded by, 1/256 of one.
    assert steps_off(graph, integers, x, policy) < 0.51


def test_a_dead_operand_leaves_the_other() -> None:
    b = GraphBuilder("sum", 1, 6)
    dead = b.relu("relu", b.linear("a", "x", 6))
    graph = b.done(b.add("sum", Add(), dead, b.linear("b", "x", 6)))
    small = weight_of((1e-9 * np.eye(6)).tolist())
    graph = with_op(graph, "a", bias=weight_of([-1000.0] * 6))
    graph = with_op(graph, "b", weight=small, bias=None)
    x = samples(graph, 8)
    assert steps_off(graph, Quantize().apply(graph, Data(x=x)), x, "tflite-ref") < 3
