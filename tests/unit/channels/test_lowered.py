"""A runtime that removes dead channels does less for the same bits, and says what it removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pytest

import hwsim
from compressors import parse
from hwsim.cost import count
from hwsim.data import Data
from hwsim.graph import Graph
from hwsim.lower import lower
from hwsim.profile import DeviceProfile
from hwsim.profile.runtime import Version
from hwsim.program import Program
from tests.dead import with_zeros, zeroed
from tests.devices import unit_device
from tests.graphs import GRAPHS, GraphBuilder, samples, with_op

SHARED: Final = Path(__file__).parents[4] / "shared"

graphs = pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)


def device(*, removes: bool) -> DeviceProfile:
    versions = {"1": Version(removes_dead_channels=removes)}
    return unit_device(name="Test", version="1", versions=versions)


def macs_of(program: Program) -> int:
    return sum(counts.macs for counts in count(program))


def weights_of(graph: Graph) -> int:
    return sum(node.op.weight.codes.size for node in graph.nodes if node.op.weight is not None)


def with_dead_channels() -> Graph:
    """Return integers of 8 channels, of which 2 are zeros and 1 is read by nobody."""
    b = GraphBuilder("dead", 1, 6, 6, 2)
    y = b.relu("r", b.conv("a", "x", 8))
    graph = b.done(b.linear("fc", b.flat("flat", b.conv("b", y, 2)), 3))
    for name, at in (("a", [1, 6]), ("b", (..., [0]))):
        op = next(node.op for node in graph.nodes if node.name == name)
        assert op.weight is not None
        graph = with_op(graph, name, weight=zeroed(op.weight, at))
    bias = b.real(8)
    graph = with_op(graph, "a", bias=zeroed(bias, [1, 6]))
    return parse("quantize").apply(graph, Data(x=samples(graph, 8)))


def test_dead_channels_cost_nothing() -> None:
    graph = with_dead_channels()
    whole = lower(graph, device(removes=False))
    smaller = lower(graph, device(removes=True))
    # 6 x 6 positions, 3 x 3 taps: 2 -> 8 -> 2 channels, then 2 -> 5 -> 2; the linear layer stays.
    assert macs_of(whole) == 324 * (2 * 8 + 8 * 2) + 72 * 3
    assert macs_of(smaller) == 324 * (2 * 5 + 5 * 2) + 72 * 3
    assert smaller.footprint.flash_bytes < whole.footprint.flash_bytes
    assert smaller.footprint.peak_ram_bytes < whole.footprint.peak_ram_bytes


def test_each_step_says_what_it_lost() -> None:
    graph = with_dead_channels()
    reasons = {s.node.name: s.reason for s in lower(graph, device(removes=True)).steps}
    assert reasons["a"].endswith(" (Test 1 removes dead channels: 3 of 8 outputs)")
    assert reasons["b"].endswith(" (Test 1 removes dead channels: 3 of 8 inputs)")
    assert "dead" not in reasons["fc"]
    whole = lower(graph, device(removes=False))
    assert not any("dead" in step.reason for step in whole.steps)


@graphs
def test_the_bits_of_the_outputs_stay(build: Callable[[], Graph]) -> None:
    x = samples(build(), 4)
    graph = parse("quantize").apply(with_zeros(build(), 2), Data(x=x))
    program = lower(graph, device(removes=True))
    np.testing.assert_array_equal(hwsim.run(program.graph, x), hwsim.run(graph, x))


def test_a_graph_of_living_channels_is_lowered_as_it_is() -> None:
    graph = GRAPHS[1]()
    whole, same = (lower(graph, device(removes=removes)) for removes in (False, True))
    assert same.graph.to_text() == whole.graph.to_text()
    assert [s.reason for s in same.steps] == [s.reason for s in whole.steps]


def test_accuracy_is_that_of_the_model_as_it_is() -> None:
    graph = with_dead_channels()
    x = samples(graph, 32).astype(np.float32)
    y = np.arange(32) % 3
    got = [
        hwsim.evaluate(graph, device(removes=removes), Data(x=x, y=y)).accuracy
        for removes in (False, True)
    ]
    assert got[0] is not None
    assert got[0] == got[1]


def test_visual_wake_words_lose_half_of_their_work() -> None:
    source = SHARED / "models" / "vww_96_int8.tflite"
    if not source.exists():
        pytest.skip(f"no {source.name} in {source.parent}")
    graph = hwsim.load(source)
    whole = lower(graph, device(removes=False))
    smaller = lower(graph, device(removes=True))
    assert macs_of(smaller) / macs_of(whole) == pytest.approx(0.4984, abs=5e-5)
    assert weights_of(smaller.graph) / weights_of(graph) == pytest.approx(0.1407, abs=5e-5)
    shape = graph.tensors[graph.inputs[0]].shape[1:]
    x = np.random.default_rng(0).integers(-128, 128, (8, *shape)).astype(np.int8)
    for policy in ("tflite-ref", "tflm", "xnnpack"):
        want = hwsim.run(graph, x, policy)
        assert len(np.unique(want)) > 2
        np.testing.assert_array_equal(hwsim.run(smaller.graph, x, policy), want)
