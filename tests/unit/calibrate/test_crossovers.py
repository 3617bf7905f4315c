from __future__ import annotations

from dataclasses import replace

import pytest

from hwsim.calibrate.crossovers import crossovers
from hwsim.calibrate.draft import draft_tree, with_kernels
from hwsim.calibrate.host import Host
from hwsim.calibrate.kernels import KernelDraft
from hwsim.calibrate.layers import Layer
from hwsim.calibrate.one_layer import graph_of
from hwsim.calibrate.runtimes import find_runtime
from hwsim.calibrate.sample import Sample
from hwsim.evaluation import estimate
from hwsim.profile import DeviceProfile

DENSE = Layer(kind="pointwise_conv2d", types="8x8", size=8, channels=64, out=32)
RUNGS = (0.2, 0.4, 0.5, 0.6, 0.8, 0.9)
# A stored weight takes four times as long as a dense one: it pays from three quarters on.
CYCLES = {"dense": 1.0, "csr": 4.0}


def sample(layer: Layer, cycles: float) -> Sample:
    graph = graph_of(layer)
    return Sample(layer=layer, graph=graph, cycles=cycles, beside_cycles=0.0, samples=1)


def ladder() -> list[Sample]:
    rungs = [replace(DENSE, format="csr", sparsity=rung) for rung in RUNGS]
    macs = DENSE.macs
    # Measured: a stored weight takes twice as long, so that half of them may stay.
    return [
        sample(DENSE, macs),
        *(sample(rung, 2.0 * macs * (1 - rung.sparsity)) for rung in rungs),
    ]


def profile(cycles: dict[str, float]) -> DeviceProfile:
    host = Host(processor="P", memory_bytes=1 << 30)
    tree = draft_tree("host", find_runtime("hwsim"), "1", host, 1e9)
    drafts = {
        name: KernelDraft(name=name, ops=("pointwise_conv2d",), terms=("per_mac",), formats=(name,))
        for name in cycles
    }
    rules = {name: draft.rule("8x8", (1, 1, 1)) for name, draft in drafts.items()}
    constants = {f"{name}_s8.per_mac": value for name, value in cycles.items()}
    return DeviceProfile.model_validate(with_kernels(tree, rules, constants))


def test_measured_and_predicted_crossovers_are_what_prices_say() -> None:
    (found,) = crossovers(ladder(), profile(CYCLES))
    assert (found.shape, found.format) == (DENSE.name, "csr")
    assert found.measured == pytest.approx(0.5, abs=0.01)
    assert found.predicted == pytest.approx(0.75, abs=0.01)
    dearer = crossovers(ladder(), profile({"dense": 1.0, "csr": 20.0}))
    assert dearer[0].predicted is None


def test_what_was_not_fitted_has_no_crossover() -> None:
    assert crossovers(ladder(), profile({"dense": 1.0, "bsr4x4": 1.0})) == ()
    assert crossovers(ladder()[:4], profile(CYCLES)) == ()


def test_prices_are_those_of_the_profile() -> None:
    macs = DENSE.macs
    assert estimate(graph_of(DENSE), profile(CYCLES)).latency_s == pytest.approx(macs / 1e9)
