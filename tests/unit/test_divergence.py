"""The first difference between two runs is found, and explained by what made it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import compressors
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.divergence import Comparison, Divergence, compare
from hwsim.errors import DataError
from hwsim.graph import Graph
from hwsim.numerics import POLICIES, Numerics, Quant, find_policy
from hwsim.numerics.rounding import ROUNDINGS, Rounding
from hwsim.op import Kernel, Site
from hwsim.ops import Quantize
from hwsim.tensor import TensorType
from tests.graphs import GraphBuilder, residual, samples

REFERENCE = find_policy("tflite-ref")


def quantized(make: Graph) -> Graph:
    x = samples(make, 4)[:, 0].astype(np.float32)
    return compressors.parse("quantize").apply(make, Data(x=x))


def narrow() -> Graph:
    """One convolution, one fully connected layer: enough that every rounding has a say."""
    b = GraphBuilder("narrow", 1, 6, 6, 3)
    y = b.conv("conv", "x", 8)
    return b.done(b.linear("fc", b.flat("flat", y), 50))


def tensors(graph: Graph, numerics: Numerics = REFERENCE, count: int = 6) -> dict[str, Array]:
    """Return every tensor, op by op."""
    x, source = samples(graph, count), graph.inputs[0]
    quant = graph.tensors[source].quant
    values: dict[str, Array] = {source: x.astype(np.float32) if quant is None else quant.encode(x)}
    for node in graph.nodes:
        types = graph.input_types(node), graph.output_types(node)
        site = Site(name=node.name, inputs=types[0], outputs=types[1], numerics=numerics)
        run: Kernel = node.op.reference if quant is None else node.op.prepare(site)
        results = run(*(values[tensor] for tensor in node.inputs))
        values |= dict(zip(node.outputs, results, strict=True))
    return values


def found(comparison: Comparison) -> Divergence:
    assert comparison.divergence is not None
    return comparison.divergence


@pytest.fixture(scope="module")
def graph() -> Graph:
    return quantized(residual())


def test_a_run_does_not_differ_from_itself(graph: Graph) -> None:
    ours = tensors(graph)
    comparison = compare(graph, ours, ours, REFERENCE)
    assert comparison.divergence is None
    assert comparison.skipped == ()
    assert comparison.tensors == len(graph.nodes)
    assert comparison.values == sum(ours[t].size for t in ours if t not in graph.inputs)


def test_the_first_node_and_element_are_named(graph: Graph) -> None:
    ours = tensors(graph)
    theirs = {name: value.copy() for name, value in ours.items()}
    theirs["pool"][3, 0, 0, 0, 2] += 5
    theirs["c_relu"][4, 0, 1, 2, 3] += 1
    theirs["c_relu"][2, 0, 3, 1, 7] -= 4
    divergence = found(compare(graph, ours, theirs, REFERENCE))
    assert (divergence.node, divergence.tensor, divergence.kind) == ("c_sum", "c_relu", "add")
    assert (divergence.sample, divergence.index) == (2, (0, 3, 1, 7))
    assert divergence.theirs == divergence.ours - 4
    assert (divergence.differing, divergence.largest) == (2, 4)
    assert divergence.values == ours["c_relu"].size
    assert divergence.policies
    assert all(trial.differing > 0 for trial in divergence.policies)


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_the_policy_that_made_a_difference_explains_it(policy: Numerics, graph: Graph) -> None:
    ours, theirs = tensors(graph), tensors(graph, policy)
    comparison = compare(graph, ours, theirs, REFERENCE)
    if comparison.divergence is None:
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
        return
    exact = [trial.name for trial in comparison.divergence.policies if trial.differing == 0]
    assert policy.name in exact
    assert REFERENCE.name not in exact


def test_some_policies_differ(graph: Graph) -> None:
    """Otherwise the test above would show nothing."""
    theirs = tensors(graph, find_policy("xnnpack"))
    assert compare(graph, tensors(graph), theirs, REFERENCE).divergence is not None


@pytest.mark.slow
@pytest.mark.parametrize("rounding", ROUNDINGS, ids=lambda rounding: rounding.name)
def test_the_rounding_that_made_a_difference_explains_it(rounding: Rounding) -> None:
    graph = quantized(narrow())
    theirs = tensors(graph, replace(REFERENCE, conv=rounding, linear=rounding), 40)
    comparison = compare(graph, tensors(graph, count=40), theirs, REFERENCE)
    trials = {trial.name: trial for trial in found(comparison).roundings}
    assert trials[rounding.name].differing == 0
    assert trials[rounding.name].meaning
    assert any(trial.differing > 0 for trial in trials.values())


def test_a_tensor_that_the_peer_lacks_is_skipped_and_named(graph: Graph) -> None:
    ours = tensors(graph)
    theirs = {name: value.copy() for name, value in ours.items() if name != "c_relu"}
    theirs["a_relu"] = theirs["a_relu"][:3]
    theirs["pool"] += 1
    comparison = compare(graph, ours, theirs, REFERENCE)
    assert comparison.skipped == ("a_relu", "c_relu")
    assert found(comparison).tensor == "pool"
    assert found(comparison).unseen == ("c_relu",)


def test_other_shapes_of_as_many_values_are_compared(graph: Graph) -> None:
    ours = tensors(graph)
    theirs = {name: value.reshape(len(value), -1) for name, value in ours.items()}
    assert compare(graph, ours, theirs, REFERENCE).tensors == len(graph.nodes)


def test_other_inputs_or_other_models_are_refused(graph: Graph) -> None:
    ours = tensors(graph)
    other = {**ours, "x": ours["x"][::-1]}
    with pytest.raises(DataError, match="input 'x' has other values"):
        compare(graph, ours, other, REFERENCE)
    with pytest.raises(DataError, match="nothing to compare"):
        compare(graph, ours, {"y": np.zeros(3)}, REFERENCE)
    reals = {name: value.astype(np.float32) for name, value in ours.items()}
    with pytest.raises(DataError, match="nothing to compare"):
        compare(graph, ours, reals, REFERENCE)


def test_reals_may_differ_by_the_order_of_a_sum() -> None:
    graph = narrow()
    ours = tensors(graph)
    near = {name: value * np.float32(1 + 1e-6) for name, value in ours.items()}
    assert compare(graph, ours, near, REFERENCE).divergence is None
    far = {**near, "fc": near["fc"] * np.float32(1.001)}
    divergence = found(compare(graph, ours, far, REFERENCE))
    assert (divergence.node, divergence.policies, divergence.roundings) == ("fc", (), ())
    broken = {**near, "fc": np.full_like(ours["fc"], np.nan)}
    assert found(compare(graph, ours, broken, REFERENCE)).differing == ours["fc"].size


def test_codes_of_reals_that_differ_too_little_are_explained_by_them() -> None:
    b = GraphBuilder("g", 1, 2)
    b.relu("a", "x")
    b.add("q", Quantize(), "a")
    b.tensors["q"] = TensorType(shape=(1, 2), quant=Quant(scale=(1.0,)))
    ours = {
        "x": np.array([[[0.5, 3.0]]], np.float32),
        "a": np.array([[[0.5, 3.0]]], np.float32),
        "q": np.array([[[1, 3]]], np.int8),
    }
    theirs = {
        **ours,
        "a": np.array([[[0.4999999, 3.0]]], np.float32),
        "q": np.array([[[0, 3]]], np.int8),
    }
    divergence = found(compare(b.done("q"), ours, theirs, REFERENCE))
    exact = [trial.name for trial in divergence.policies if trial.differing == 0]
    assert (divergence.node, divergence.index) == ("q", (0, 0))
    assert REFERENCE.name in exact
