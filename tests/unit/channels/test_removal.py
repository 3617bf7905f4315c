"""Channels that nobody misses go without a trace, in reals and in integers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from compressors import parse
from hwsim.channels.find import find_channels
from hwsim.channels.removal import without
from hwsim.data import Data
from hwsim.graph import Graph
from hwsim.reference import trace
from tests.dead import silenced
from tests.graphs import GRAPHS, residual, run_integers, samples

graphs = pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)


@graphs
@pytest.mark.parametrize("seed", range(4))
def test_dead_channels_go_without_a_trace(build: Callable[[], Graph], seed: int) -> None:
    graph = build()
    channels = find_channels(graph)
    made = {c for node in graph.nodes for c in channels.of[node.outputs[0]].tolist()}
    free = sorted(made - channels.fixed)
    rng = np.random.default_rng(seed)
    # At most a third, and one channel of each tensor stays.
    dead = rng.choice(free, size=len(free) // 3, replace=False).tolist()
    dead = [c for c in dead if not any(set(own.tolist()) <= set(dead) for own in
                                       channels.of.values() if c in own)]  # fmt: skip
    quiet = silenced(graph, channels, dead)
    smaller = without(quiet, channels, frozenset(dead))
    assert dead
    assert smaller.storage_bytes < quiet.storage_bytes
    x = samples(graph, 3)
    want, got = trace(quiet, x), trace(smaller, x)
    for name in want:
        # The same float64 products, summed in another order.
        np.testing.assert_allclose(got[name], want[name], rtol=1e-9, atol=1e-9)


def test_integer_graphs_lose_filters_too() -> None:
    graph = residual()
    integers = parse("quantize").apply(graph, Data(x=samples(graph, 8)))
    channels = find_channels(integers)
    dead = int(channels.of["c1_relu"][2])
    quiet = silenced(integers, channels, [dead])
    smaller = without(quiet, channels, frozenset([dead]))
    x = samples(graph, 3)
    want, got = run_integers(quiet, x), run_integers(smaller, x)
    np.testing.assert_array_equal(got["softmax"], want["softmax"])
