"""Published facts about compressed networks on microcontrollers, replayed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from statistics import median

import numpy as np
import pytest

import compressors
from hwsim.data import Data
from hwsim.evaluation import estimate
from hwsim.evidence.fit import fit
from hwsim.evidence.measurement import FOLDER, read_measurements
from hwsim.evidence.networks import network
from hwsim.evidence.validation import Family, family
from hwsim.formats import Dense
from hwsim.graph import Graph
from hwsim.profile import device
from tests.graphs import with_op

# Prices and figures: no kernel runs, so that once is enough.
pytestmark = pytest.mark.slow

TFLM = "stm32l4r5_tflm"
EDGEMARK = ("edgemark_cnn_1", "edgemark_cnn_4", "edgemark_fc_3")
X_CUBE = "stm32h7a3_xcubeai"
VWW = "mlperf_vww"
UNSEEN = "8.1"


def stored_dense(graph: Graph) -> Graph:
    """Return the same weights, all of them stored."""
    for node in graph.nodes:
        if node.op.weight is not None:
            graph = with_op(graph, node.name, weight=replace(node.op.weight, format=Dense()))
    return graph


def latency_s(graph: Graph, name: str = TFLM) -> float:
    return estimate(graph, device(name)).latency_s


@pytest.mark.parametrize("note", ["pruned 50 %", "16 clusters"])
def test_zeros_and_clusters_gain_nothing_on_a_dense_runtime(note: str) -> None:
    """Half of the weights zero, or 16 values to a layer: TFLM takes the time of dense weights.

    EdgeMark (AminHasanpour/EdgeMark at 0d27198, Experiments.xlsx, sheet TFLM + STM), rows p_50 and
    c_16 beside the basic ones of the same networks: the ratio is 1.000.
    """
    dense = {
        (row.network, row.types): row.latency_s
        for row in read_measurements(FOLDER / "edgemark.csv")
        if row.profile == TFLM
    }
    ratios = [
        row.latency_s / base
        for row in read_measurements(FOLDER / "edgemark_controls.csv")
        if row.notes == note and row.latency_s and (base := dense[row.network, row.types])
    ]
    assert len(ratios) >= 8
    assert median(ratios) == pytest.approx(1.0, abs=5e-4)


@pytest.mark.parametrize("name", EDGEMARK)
def test_zeros_are_predicted_to_gain_nothing(name: str) -> None:
    """As measured above: TFLM has no kernel that walks stored weights, and says so."""
    graph = network(name, "f32")
    recipe = compressors.parse("prune{structure=unstructured,sparsity=0.5}")
    pruned = estimate(recipe.apply(graph, None), device(TFLM))
    assert any(step.executed_as == "dense_fallback" for step in pruned.steps)
    assert pruned.latency_s == latency_s(graph)


@pytest.mark.parametrize("name", EDGEMARK)
def test_clusters_are_predicted_to_gain_nothing(name: str) -> None:
    """As measured above; EdgeMark stored clustered weights as they are, without a table."""
    graph = network(name, "f32")
    clustered = compressors.parse("share{clusters=16}").apply(graph, None)
    assert latency_s(stored_dense(clustered)) == latency_s(graph)


@pytest.mark.parametrize("name", ["mlperf_ic", "mlperf_kws"])
def test_two_bits_are_far_from_four_times_as_fast(name: str) -> None:
    """Weights of 2 bits with 8-bit activations run about as fast as those of 8, not 4 times.

    A SIMD core multiplies no narrower operands: weights are widened first. Mixed-precision kernels
    for such cores are published with a ratio of 1.19 between w8a8 and w2a8, not 4. Here TFLM's
    DECODE widens a look-up table's indices, once per inference, at an assumed 4 cycles per weight.
    """
    graph = network(name, "f32")
    shape = next(graph.tensors[i].shape for i in graph.inputs)
    data = Data(x=np.random.default_rng(0).normal(size=(4, *shape[1:])).astype(np.float32))
    wide, narrow = (
        compressors.parse(f"{step}quantize{{granularity=tensor}}").apply(graph, data)
        for step in ("", "share{bits=2}|")
    )
    decoded = estimate(narrow, device(TFLM))
    assert any(step.executed_as == "decoded" for step in decoded.steps)
    ratio = latency_s(wide) / decoded.latency_s
    assert 1 / 1.25 < ratio < 1.25


@cache
def x_cube() -> Family:
    return family(X_CUBE)


@cache
def predicted_unseen() -> dict[tuple[str, str], float]:
    """Return predicted / measured VWW, by core and version, from a fit without VWW on 8.1."""
    of = x_cube()
    boards = [s for s in of.samples if s.measurement.network == VWW]
    unseen = {id(s) for s in boards if s.system[1] == UNSEEN}
    kept = [s for s in of.samples if id(s) not in unseen]
    found = fit(kept, of.plan, of.root.runtime.constants, of.anchor)
    ratios: dict[tuple[str, str], float] = {}
    for sample in boards:
        seconds = found.predict(sample)
        assert seconds is not None
        ratios[sample.system] = seconds / sample.latency_s
    return ratios


@pytest.mark.parametrize(
    ("core", "before"), [("Cortex-M7", "8.0"), ("Cortex-M4", "8.0"), ("Cortex-M33", "7.3")]
)
def test_dead_channels_that_a_compiler_removes_are_predicted(core: str, before: str) -> None:
    """X-CUBE-AI 8.1 takes half the time of 8.0 for VWW, whose reference has dead channels.

    MLPerf Tiny v1.0 and v1.1 (mlcommons/tiny_results_v1.0 at c7761cf, _v1.1 at c32ef94), rows of
    STMicroelectronics and Krai: 50.3 -> 29.6 ms on the M7, 221 -> 119 ms on the M4, 133 -> 71.6 ms
    on the M33, where keyword spotting gains 6 to 14 %. Both rows lie within 12 % of what constants
    say that saw no row of VWW on 8.1.
    """
    ratios = predicted_unseen()
    assert ratios[core, before] == pytest.approx(1.0, abs=0.12)
    assert ratios[core, UNSEEN] == pytest.approx(1.0, abs=0.12)


def test_dense_counts_would_miss_the_removed_channels() -> None:
    """The control: a compiler taken to keep dead channels is priced half as much again."""
    graph = network(VWW)
    live = device(X_CUBE)
    version = live.runtime.current.model_copy(update={"removes_dead_channels": False})
    keeps = live.runtime.model_copy(update={"versions": {UNSEEN: version}})
    dense = live.model_copy(update={"runtime": keeps})
    assert estimate(graph, dense).latency_s > 1.5 * estimate(graph, live).latency_s
