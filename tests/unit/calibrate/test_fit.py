from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from hwsim.calibrate.design import design_of
from hwsim.calibrate.draft import draft_tree, profile_of, with_kernels, with_provenance
from hwsim.calibrate.fit import fit_kernels, solve
from hwsim.calibrate.host import Host
from hwsim.calibrate.judge import mac_counting, roofline
from hwsim.calibrate.kernels import KernelDraft
from hwsim.calibrate.layers import Layer, make_plan
from hwsim.calibrate.one_layer import graph_of
from hwsim.calibrate.sample import Sample
from hwsim.errors import MeasurementError
from hwsim.evaluation import estimate
from hwsim.profile import DeviceProfile, Evidence, unsourced
from tests.unit.calibrate.fake import FakeHost

TREE = draft_tree(
    "host", FakeHost().runtime(), "1", Host(processor="Fast 9", memory_bytes=1 << 30), 2e9
)
TILES = ((1, 1, 1), (16, 4, 4), (16, 7, 8))
DRAFT = KernelDraft(
    name="conv", ops=("conv2d",), tiles=TILES, terms=("per_call", "per_mac", "per_output")
)
TRUE = {"conv_s8.per_call": 900.0, "conv_s8.per_mac": 0.015, "conv_s8.per_output": 0.5}


def true_profile() -> DeviceProfile:
    """Return the profile whose constants a fit should find."""
    kernels: dict[str, Any] = {"conv_s8": DRAFT.rule("8x8", (16, 7, 8))}
    return DeviceProfile.model_validate(with_kernels(TREE, kernels, TRUE))


def conv_samples() -> list[Sample]:
    device = true_profile()
    layers = [x for x in make_plan(1).training if (x.kind, x.types) == ("conv2d", "8x8")]
    return [sample_of(layer, device) for layer in layers]


def sample_of(layer: Layer, device: DeviceProfile) -> Sample:
    graph = graph_of(layer)
    cycles = estimate(graph, device).latency_s * device.hardware.clock_hz
    return Sample(layer=layer, graph=graph, cycles=cycles, beside_cycles=0.0, samples=1)


def test_solving_recovers_prices() -> None:
    rng = np.random.default_rng(0)
    units = 10 ** rng.uniform(0, 6, (40, 3))
    true = np.array([500.0, 0.0, 0.02])
    prices, error = solve(units, units @ true)
    np.testing.assert_allclose(prices, true, atol=1e-9, rtol=1e-6)
    assert error < 1e-9


def test_an_outlier_moves_little() -> None:
    units = 10 ** np.random.default_rng(0).uniform(2, 5, (40, 2))
    cycles = units @ [3.0, 0.5]
    cycles[0] /= 10
    prices, _ = solve(units, cycles)
    np.testing.assert_allclose(prices, [3.0, 0.5], rtol=0.05)


def test_a_fit_recovers_constants_and_tile() -> None:
    (kernel,) = fit_kernels([DRAFT], conv_samples(), partial(profile_of, TREE))
    assert kernel.tile == (16, 7, 8)
    # Constants are written with four digits.
    assert kernel.constants == pytest.approx(TRUE, rel=1e-3)
    assert kernel.error < 1e-3


def test_a_kernel_without_layers_is_dropped() -> None:
    unused = KernelDraft(name="tanh", ops=("tanh",), terms=("per_call",))
    kernels = fit_kernels([unused, DRAFT], conv_samples(), partial(profile_of, TREE))
    assert [kernel.name for kernel in kernels] == ["conv_s8"]


def test_a_design_is_what_is_priced() -> None:
    device = true_profile()
    for layer in make_plan(2).training:
        if (layer.kind, layer.types) == ("conv2d", "8x8"):
            design = design_of(graph_of(layer), device)
            cycles = sum(units * TRUE[name] for name, units in design.items())
            priced_s = estimate(graph_of(layer), device).latency_s
            assert cycles / device.hardware.clock_hz == pytest.approx(priced_s)


def test_tiles_and_shapes_of_kernels_have_sources() -> None:
    odd = KernelDraft(
        name="conv", ops=("conv2d",), terms=("per_mac",), takes={"channel_multiple": 4}
    )  # fmt: skip
    kernels = {"conv_s8": odd.rule("8x8", (16, 7, 8))}
    evidence = Evidence(
        measurements=("x.csv",), n=1, left_out="row", held_out_mape=0, held_out_median=0,
        held_out_p90=0, within_10=1, within_20=1, in_sample_mape=0, macs_mape=0, roofline_mape=0,
    )  # fmt: skip
    tree = with_kernels(TREE, kernels, {"conv_s8.per_mac": 0.02})
    assert unsourced(with_provenance(tree, "here", {"conv_s8": "there"}, evidence)) == []


def test_nothing_measured_is_refused() -> None:
    with pytest.raises(MeasurementError, match="nothing to fit"):
        fit_kernels([DRAFT], [], partial(profile_of, TREE))


def test_baselines_are_right_where_their_world_is() -> None:
    samples = conv_samples()
    counted = [
        Sample(layer=s.layer, graph=s.graph, cycles=0.1 * s.layer.macs, beside_cycles=0, samples=1)
        for s in samples
    ]
    errors = mac_counting(counted, counted)
    assert errors is not None
    assert errors.mape < 1e-9
    ceiling = roofline(samples, samples)
    assert ceiling is not None
    assert ceiling.mape > 0
