"""Fusing leaves what a network computes as it is."""

from __future__ import annotations

import numpy as np
import pytest

import compressors
import hwsim
from hwsim.data import Data
from hwsim.fusion import with_constants_folded, with_pads_merged
from hwsim.graph import Graph
from hwsim.lower import lower
from hwsim.ops import Add, Constant, Elementary, Mul, Pad
from tests.devices import unit_device
from tests.graphs import GraphBuilder, samples

AROUND = ((0, 0), (1, 0), (2, 3), (0, 0))


def padded(padding: tuple[tuple[int, int], ...] = AROUND) -> Graph:
    builder = GraphBuilder("padded", 1, 6, 5, 3)
    builder.add("p", Pad(padding=padding), "x")
    builder.conv("c", "p", 4)
    return builder.done("c")


@pytest.mark.parametrize("recipe", ["none", "quantize"])
def test_a_pad_merges_into_its_convolution(recipe: str) -> None:
    graph = padded()
    graph = compressors.parse(recipe).apply(graph, Data(x=samples(graph, 8)))
    merged = with_pads_merged(graph)
    assert [node.op.kind for node in merged.nodes if node.op.kind == "pad"] == []
    assert len(merged.nodes) == len(graph.nodes) - 1
    x = samples(graph, 4)
    np.testing.assert_array_equal(hwsim.run(merged, x), hwsim.run(graph, x))


def test_a_pad_that_others_need_stays() -> None:
    builder = GraphBuilder("shared", 1, 6, 5, 3)
    builder.add("p", Pad(padding=AROUND), "x")
    builder.conv("c", "p", 4)
    shown = builder.done("c", "p")
    assert len(with_pads_merged(shown).nodes) == 2
    channels = padded(((0, 0), (0, 0), (0, 0), (0, 1)))
    assert len(with_pads_merged(channels).nodes) == 2


def with_constants() -> Graph:
    """Return tanh(a) * b + x, of which all but the sum is the same for every input."""
    builder = GraphBuilder("folded", 1, 4, 4, 2)
    builder.add("a", Constant(value=builder.real(4, 4, 2)))
    builder.add("b", Constant(value=builder.real(2)))
    builder.add("t", Elementary(function="tanh"), "a")
    builder.add("m", Mul(), "t", "b")
    builder.add("y", Add(), "x", "m")
    return builder.done("y")


def test_what_is_the_same_for_every_input_is_computed_once() -> None:
    graph = with_constants()
    folded = with_constants_folded(graph)
    assert [node.op.kind for node in folded.nodes] == ["constant", "add"]
    assert set(folded.tensors) == {"x", "m", "y"}
    x = samples(graph, 3)
    np.testing.assert_allclose(hwsim.run(folded, x), hwsim.run(graph, x), rtol=1e-6, atol=1e-6)
    plain = padded()
    assert with_constants_folded(plain) is plain


@pytest.mark.parametrize(("folds", "kinds"), [(True, 2), (False, 5)])
def test_folding_is_a_fact_of_the_runtime(folds: bool, kinds: int) -> None:
    assert len(lower(with_constants(), unit_device(folds_constants=folds)).steps) == kinds
