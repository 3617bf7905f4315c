"""Graphs in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hwsim.arrays import FloatArray, Shape
from hwsim.errors import DataError
from hwsim.graph import Graph
from hwsim.numerics import Quant
from hwsim.ops import Add, Constant, Elementary, Mul
from hwsim.reference import as_reals, stacked, trace
from hwsim.tensor import TensorType
from tests.cases import float_weight
from tests.graphs import GRAPHS, GraphBuilder, mlp, samples

graphs = pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)


def small() -> Graph:
    b = GraphBuilder("small", 1, 3)
    shift = b.add("shift", Constant(value=float_weight(3)))
    y = b.add("sum", Add(), "x", shift)
    b.add("square", Mul(), y, y)
    return b.done("square", "sum", "shift")


def test_values_by_hand() -> None:
    x = np.array([[1.0, 2.0, 3.0], [-1.0, 0.0, 5.0]])
    shift = float_weight(3).real()
    outputs = trace(small(), x)
    assert set(outputs) == {"square", "sum", "shift"}
    np.testing.assert_array_equal(outputs["sum"][:, 0], x + shift)
    np.testing.assert_array_equal(outputs["square"][:, 0], (x + shift) ** 2)
    np.testing.assert_array_equal(outputs["shift"], [shift, shift])


@graphs
def test_every_tensor_is_visited_once_with_its_shape(build: Callable[[], Graph]) -> None:
    graph = build()
    seen: dict[str, Shape] = {}

    def visit(tensor: str, value: FloatArray) -> None:
        assert tensor not in seen
        seen[tensor] = value.shape

    trace(graph, samples(graph, 3), visit)
    assert seen == {name: (3, *type_.shape) for name, type_ in graph.tensors.items()}


@graphs
def test_samples_do_not_see_each_other(build: Callable[[], Graph]) -> None:
    graph = build()
    x = samples(graph, 3)
    together = trace(graph, x)
    for i in range(3):
        for tensor, value in trace(graph, x[i : i + 1]).items():
            # float64 sums in another order.
            np.testing.assert_allclose(together[tensor][i : i + 1], value, rtol=1e-9, atol=1e-12)


def test_batch_axis_may_be_left_out() -> None:
    graph = mlp()
    with_batch = samples(graph, 2)
    assert with_batch.shape == (2, 1, 4, 4, 3)
    np.testing.assert_array_equal(stacked(graph, with_batch[:, 0]), with_batch)


@pytest.mark.parametrize("shape", [(), (4, 4, 3), (2, 4, 3, 4), (2, 48), (2, 1, 1, 4, 4, 3)])
def test_other_shapes_are_refused(shape: Shape) -> None:
    with pytest.raises(DataError) as error:
        trace(mlp(), np.zeros(shape))
    assert str(error.value) == (
        f"mlp: input 'x' expects x of shape [samples, 4, 4, 3], got {list(shape)}"
    )


def test_no_samples_are_refused() -> None:
    with pytest.raises(DataError) as error:
        trace(mlp(), np.zeros((0, 4, 4, 3)))
    assert str(error.value) == "mlp: input 'x' expects samples, got none"


def test_codes_are_decoded_and_reals_are_not() -> None:
    type_ = TensorType(shape=(1, 2), quant=Quant(scale=(0.5,), zero_point=(2,)))
    assert as_reals(np.array([2, 4], np.int8), type_).tolist() == [0.0, 1.0]
    assert as_reals(np.array([2.0, 4.0]), type_).tolist() == [2.0, 4.0]
    assert as_reals(np.array([2, 4]), TensorType(shape=(1, 2))).tolist() == [2.0, 4.0]


def test_the_callers_array_stays_as_it_was() -> None:
    b = GraphBuilder("toy", 1, 3)
    b.add("y", Elementary(function="relu"), "x")
    x = np.array([[-1.0, 2.0, -3.0]])
    trace(b.done("y"), x)
    assert x.tolist() == [[-1.0, 2.0, -3.0]]


def two_inputs() -> Graph:
    b = GraphBuilder("two", 1, 3)
    b.add("sum", Add(), "x", "x")
    graph = b.done("sum")
    node = replace(graph.nodes[0], inputs=("x", "z"))
    tensors = {**graph.tensors, "z": graph.tensors["x"]}
    return replace(graph, inputs=("x", "z"), nodes=(node,), tensors=tensors)


def test_several_inputs_come_by_name() -> None:
    x, z = np.array([[1.0, 2.0, 3.0]]), np.array([[10.0, 20.0, 30.0]])
    made = trace(two_inputs(), {"z": z, "x": x})
    np.testing.assert_array_equal(made["sum"][:, 0], x + z)


@pytest.mark.parametrize("given", [{}, {"x": 1}, {"x": 1, "z": 2}, {"x": 1, "z": 1, "w": 1}])
def test_every_input_needs_as_many_samples(given: dict[str, int]) -> None:
    values = {name: np.zeros((samples, 3)) for name, samples in given.items()}
    with pytest.raises(DataError, match="two: "):
        trace(two_inputs(), values)
