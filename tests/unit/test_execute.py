"""Run graphs with the integers of a runtime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compressors import parse
from hwsim.data import Data
from hwsim.errors import DataError, UnsupportedError
from hwsim.execute import accuracy, numerics_of, prepare, prepare_all, run
from hwsim.graph import Graph
from hwsim.numerics import POLICIES
from hwsim.ops import Add, Constant, Elementary
from hwsim.profile import known_devices, load_profile
from hwsim.reference import trace
from hwsim.tensor import TensorType
from tests.cases import float_weight
from tests.graphs import GRAPHS, GraphBuilder, mlp, run_integers, samples

graphs = pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)
policies = pytest.mark.parametrize(
    "policy",
    [
        pytest.param(p.name, marks=() if i == 0 else pytest.mark.slow)
        for i, p in enumerate(POLICIES)
    ],
)


def quantized(build: Callable[[], Graph], spec: str = "quantize") -> Graph:
    graph = build()
    return parse(spec).apply(graph, Data(x=samples(graph, 16)))


@graphs
def test_float_graphs_give_the_reference_in_float32(build: Callable[[], Graph]) -> None:
    graph = build()
    x = samples(graph, 3)
    outputs = prepare_all(graph, "tflite-ref", graph.outputs)(x)
    for tensor, expected in trace(graph, x).items():
        assert outputs[tensor].dtype == np.float32
        np.testing.assert_array_equal(outputs[tensor], expected.astype(np.float32))


@graphs
@policies
def test_integer_graphs_run_node_by_node(build: Callable[[], Graph], policy: str) -> None:
    graph = quantized(build)
    x = samples(graph, 3)
    everything = prepare_all(graph, policy, tuple(graph.tensors))(x)
    for tensor, expected in run_integers(graph, x, policy).items():
        got = everything[tensor]
        np.testing.assert_array_equal(got, np.broadcast_to(expected, got.shape))


@pytest.mark.slow
@graphs
@pytest.mark.parametrize("spec", ["none", "quantize"])
def test_chunks_over_threads_equal_single_samples(build: Callable[[], Graph], spec: str) -> None:
    """37 samples are three chunks, the last one short."""
    graph = quantized(build, spec)
    x = samples(graph, 37)
    runner = prepare(graph)
    together = runner(x)
    assert together.shape[0] == 37
    for i in (0, 15, 16, 36):
        if spec == "none":
            # float64 sums in another order, then float32.
            np.testing.assert_allclose(together[i : i + 1], runner(x[i : i + 1]), rtol=1e-6)
        else:
            np.testing.assert_array_equal(together[i : i + 1], runner(x[i : i + 1]))


def test_a_constant_is_there_for_every_sample() -> None:
    b = GraphBuilder("toy", 1, 3)
    b.add("shift", Constant(value=float_weight(1, 3)))
    b.add("y", Add(), "x", "shift")
    outputs = prepare_all(b.done("shift", "y"), "tflm", ("shift", "y"))(np.zeros((20, 3)))
    assert outputs["shift"].shape == outputs["y"].shape == (20, 1, 3)


def test_reals_are_encoded_and_codes_are_taken_as_they_are() -> None:
    graph = quantized(mlp)
    quant = graph.tensors["x"].quant
    assert quant is not None
    x = samples(graph, 3)
    codes = quant.encode(x)
    expected = run(graph, x)
    for same in (codes, codes[:, 0], x.astype(np.float64)):
        np.testing.assert_array_equal(run(graph, same), expected)


def test_a_graph_without_nodes_gives_its_input() -> None:
    graph = Graph(
        name="toy", inputs=("x",), outputs=("x",), tensors={"x": TensorType(shape=(1, 2))}, nodes=()
    )
    assert run(graph, np.array([[1, 2]])).tolist() == [[1.0, 2.0]]


BAD: dict[str, tuple[Any, str]] = {
    "another shape": (
        np.zeros((2, 4, 4)),
        "mlp: input 'x' expects x of shape [samples, 4, 4, 3], got [2, 4, 4]",
    ),
    "no samples": (np.zeros((0, 4, 4, 3)), "mlp: input 'x' expects samples, got none"),
    "NaN": (np.full((2, 4, 4, 3), np.nan), "mlp: input 'x' holds NaN or infinite values"),
    "infinity": (np.full((2, 4, 4, 3), -np.inf), "mlp: input 'x' holds NaN or infinite values"),
    "text": (np.full((2, 4, 4, 3), "a"), "mlp: input 'x' expects integers or reals, got <U1"),
    "flags": (np.ones((2, 4, 4, 3), bool), "mlp: input 'x' expects integers or reals, got bool"),
}


@pytest.mark.parametrize(("x", "message"), BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("spec", ["none", "quantize"])
def test_inputs_that_do_not_fit(x: Any, message: str, spec: str) -> None:
    with pytest.raises(DataError) as error:
        run(quantized(mlp, spec), x)
    assert str(error.value) == message


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64])
def test_integers_that_may_be_reals_or_codes_are_refused(dtype: Any) -> None:
    with pytest.raises(DataError) as error:
        run(quantized(mlp), np.ones((2, 4, 4, 3), dtype))
    assert str(error.value) == (
        f"mlp: input 'x' expects int8 codes or reals, got {np.dtype(dtype)}; "
        "convert reals to float32, codes to the type of the codes"
    )


def test_two_inputs_cannot_be_run() -> None:
    b = GraphBuilder("toy", 1, 3)
    b.add("y", Elementary(function="relu"), "x")
    one = b.done("y")
    two = Graph(
        name="toy",
        inputs=("x", "z"),
        outputs=one.outputs,
        tensors={**one.tensors, "z": TensorType(shape=(1, 3))},
        nodes=one.nodes,
    )
    with pytest.raises(UnsupportedError, match=r"^toy: has 2 inputs; models of one input can"):
        prepare(two)


def test_only_the_batch_axis_of_one_is_dropped() -> None:
    b = GraphBuilder("toy", 2, 3)
    b.add("y", Elementary(function="relu"), "x")
    assert run(b.done("y"), np.zeros((5, 2, 3))).shape == (5, 2, 3)
    b = GraphBuilder("toy", 1, 1, 3)
    b.add("y", Elementary(function="relu"), "x")
    assert run(b.done("y"), np.zeros((5, 1, 1, 3))).shape == (5, 1, 3)


def test_accuracy_counts_the_largest_outputs() -> None:
    b = GraphBuilder("toy", 1, 3)
    b.add("y", Elementary(function="relu"), "x")
    x = np.array([[1.0, 2, 0], [3, 2, 1], [0, 0, 4], [5, 6, 0]])
    result = accuracy(b.done("y"), Data(x=x, y=np.array([1, 0, 2, 0])), "tflm")
    assert (result.top1, result.n) == (0.75, 4)


def test_accuracy_needs_labels() -> None:
    with pytest.raises(DataError) as error:
        accuracy(mlp(), Data(x=np.zeros((1, 4, 4, 3)), name="a.npz"), "tflm")
    assert str(error.value) == "a.npz: accuracy needs labels 'y'"


def test_policies_by_name_by_device_and_as_they_are() -> None:
    for policy in POLICIES:
        assert numerics_of(policy.name) is policy
        assert numerics_of(policy) is policy
    for name in known_devices():
        assert numerics_of(name).name == load_profile(name).numerics.policy


def test_unknown_policy() -> None:
    with pytest.raises(UnsupportedError) as error:
        run(mlp(), np.zeros((1, 4, 4, 3)), "cortex_m99")
    known = ", ".join(policy.name for policy in POLICIES)
    assert str(error.value) == (
        f"no numerics policy 'cortex_m99'; known: {known}, or the name of a device profile"
    )
