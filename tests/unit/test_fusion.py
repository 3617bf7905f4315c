"""Fusing leaves what a network computes as it is."""

from __future__ import annotations

import numpy as np
import pytest

import compressors
import hwsim
from hwsim.data import Data
from hwsim.fusion import with_pads_merged
from hwsim.graph import Graph
from hwsim.ops import Pad
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
