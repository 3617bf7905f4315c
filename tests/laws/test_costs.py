"""Physics that every shipped device must keep, on every graph that it can run."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from itertools import pairwise

import pytest

import compressors
from hwsim.cost import count, count_by_density, price
from hwsim.data import Data
from hwsim.errors import UnsupportedError
from hwsim.evaluation import estimate
from hwsim.graph import Graph
from hwsim.lower import lower
from hwsim.profile import DeviceProfile, device
from hwsim.records import Estimate
from tests import graphs
from tests.devices import unlike
from tests.graphs import samples

DEVICES = unlike()
SPARSITIES = (0.0, 0.5, 0.9)


@cache
def integer(name: str, sparsity: float = 0.0, bits: int = 8) -> Graph:
    graph: Graph = getattr(graphs, name)()
    prune = f"prune{{structure=unstructured,sparsity={sparsity}}}|" if sparsity else ""
    recipe = compressors.parse(f"{prune}quantize{{weights={bits}}}")
    return recipe.apply(graph, Data(x=samples(graph, 8)))


def estimated(graph: Graph, name: str, **overrides: float) -> Estimate:
    try:
        profile = device(name, **{f"hardware.{k}": v for k, v in overrides.items()})
        return estimate(graph, with_dead_channels(profile))
    except UnsupportedError as error:
        # Many lack layer norms, resizes or 4-bit weights; what is left every device must run.
        weights = [node.op.weight for node in graph.nodes if node.op.weight is not None]
        is_plain = graph.name not in ("attention", "decoder")
        if is_plain and all(weight.bits == 8 for weight in weights):
            raise
        pytest.skip(str(error))


def with_dead_channels(profile: DeviceProfile) -> DeviceProfile:
    """Return the device with a compiler that keeps what pruning left: costs are to be compared."""
    kept = profile.runtime.current.model_copy(update={"removes_dead_channels": False})
    versions = {profile.runtime.version: kept}
    runtime = profile.runtime.model_copy(update={"versions": versions})
    return profile.model_copy(update={"runtime": runtime})


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("graph", [make.__name__ for make in graphs.GRAPHS])
def test_totals_are_sums_of_terms(graph: str, name: str) -> None:
    result = estimated(integer(graph, 0.5), name)
    seconds = sum(sum(step.terms_s.values()) for step in result.steps)
    joules = sum(sum(step.energy_terms_j.values()) for step in result.steps)
    assert result.latency_s == pytest.approx(seconds, rel=1e-12)
    assert result.energy_j == pytest.approx(joules, rel=1e-12)
    assert sum(result.terms_s().values()) == pytest.approx(seconds, rel=1e-12)
    assert all(v > 0 for step in result.steps for v in step.terms_s.values())
    assert result.latency_low_s < result.latency_s < result.latency_high_s


@pytest.mark.parametrize("name", DEVICES)
def test_twice_the_clock_halves_what_counts_in_cycles(name: str) -> None:
    slow = estimated(integer("residual"), name)
    fast = estimated(integer("residual"), name, clock_hz=2 * device(name).hardware.clock_hz)
    assert fast.latency_s == pytest.approx(slow.latency_s / 2)


@pytest.mark.parametrize("name", DEVICES)
def test_no_prices_no_energy(name: str) -> None:
    profile = device(name)
    memories = {
        key: memory.model_copy(update={"pj_per_byte": 0.0})
        for key, memory in profile.hardware.memories.items()
    }
    free = profile.hardware.model_copy(
        update={
            "memories": memories,
            "static_w": 0.0,
            "cycle_pj": 0.0,
            "mac_pj": dict.fromkeys(profile.hardware.mac_pj, 0.0),
        }
    )
    program = lower(integer("residual"), profile.model_copy(update={"hardware": free}))
    assert price(program, count(program)).energy_j == 0


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("graph", ["residual", "separable", "mlp"])
def test_more_zeros_never_cost_more(graph: str, name: str) -> None:
    results = [estimated(integer(graph, sparsity), name) for sparsity in SPARSITIES]
    for denser, sparser in pairwise(results[1:]):
        # Equal sums of terms may be added in another order.
        assert sparser.latency_s <= denser.latency_s * (1 + 1e-12)
        assert sparser.macs_effective < denser.macs_effective
        assert sparser.footprint.flash_bytes <= denser.footprint.flash_bytes


@pytest.mark.parametrize("name", DEVICES)
def test_counts_are_whole_numbers_and_slots_are_spent_once(name: str) -> None:
    program = lower(integer("residual", 0.9), device(name))
    for step, exact, even in zip(
        program.steps, count(program), count_by_density(program), strict=True
    ):
        for counts in (exact, even):
            found = asdict(counts)
            bytes_, misses = found.pop("traffic_bytes"), found.pop("gather_misses")
            numbers = [*found.values(), *bytes_.values(), *misses.values()]
            assert all(type(number) is int and number >= 0 for number in numbers)
            assert counts.macs_effective <= counts.macs
        # Without data, densities say as well what is multiplied; they err on who waits for whom.
        assert exact.macs_executed + exact.macs_gated == even.macs_executed + even.macs_gated
        if step.rule is not None and not step.rule.winograd and step.rule.accelerator is None:
            assert exact.macs_effective <= exact.macs_executed + exact.macs_gated


@pytest.mark.parametrize("name", DEVICES)
def test_zeros_of_activations_never_cost(name: str) -> None:
    graph = integer("residual", 0.9)
    profile = with_dead_channels(device(name))
    blind = estimate(graph, profile)
    seen = estimate(graph, profile, Data(x=samples(graph, 3)))
    for before, after in zip(blind.steps, seen.steps, strict=True):
        assert after.counts.macs_executed <= before.counts.macs_executed
        assert after.energy_j <= before.energy_j * (1 + 1e-12)
    if not any(rule.sees_activations for rule in profile.runtime.kernels.values()):
        assert seen == blind


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("name", DEVICES)
def test_a_fallback_costs_exactly_what_dense_weights_cost(name: str, bits: int) -> None:
    sparse, dense = (estimated(integer("residual", s, bits), name) for s in (0.9, 0.0))
    for with_zeros, without in zip(sparse.steps, dense.steps, strict=True):
        if with_zeros.executed_as == "dense_fallback":
            assert dict(with_zeros.terms_s) == dict(without.terms_s)
            assert "zeros are stored and" in with_zeros.reason
            is_other = "the weights are stored as bitmask" in with_zeros.reason
            assert is_other or " has no sparse " in with_zeros.reason


def test_some_device_pays_for_zeros_and_some_does_not() -> None:
    gains = {
        name: estimated(integer("residual", 0.0), name).latency_s
        / estimated(integer("residual", 0.9), name).latency_s
        for name in ("stm32l4r5_tflm", "sparse_pe64_sim")
    }
    assert gains["stm32l4r5_tflm"] == 1
    assert gains["sparse_pe64_sim"] > 1.2
