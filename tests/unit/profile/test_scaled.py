"""Scales: factors on a device are ordinary overrides of its profile."""

from __future__ import annotations

import pytest

from hwsim.cost import count, price
from hwsim.errors import ProfileError
from hwsim.lower import lower
from hwsim.profile import Cycles, Tile, find_profile, known_devices, load_profile, read_tree
from hwsim.profile.scaled import SCALES, expanded, rescaled
from hwsim.profile.tree import overridden
from tests.devices import unit_device
from tests.graphs import residual

devices = pytest.mark.parametrize("name", known_devices())


@devices
@pytest.mark.parametrize("key", SCALES)
def test_a_factor_is_the_overrides_that_it_stands_for(name: str, key: str) -> None:
    profile = load_profile(name)
    try:
        meant = expanded(profile, {key: 2})
    except ProfileError:
        with pytest.raises(ProfileError, match=f"^{name}: {key}: "):
            load_profile(name, {key: 2})
        return
    assert meant
    assert load_profile(name, {key: 2}) == load_profile(name, meant)
    assert rescaled(profile, {key: 2}) == load_profile(name, {key: 2})


@devices
def test_a_factor_of_one_is_the_profile(name: str) -> None:
    profile = load_profile(name)
    assert load_profile(name, dict.fromkeys(SCALES, 1)) == profile
    assert rescaled(profile, dict.fromkeys(SCALES, 1.0)) == profile


def test_twice_the_clock_is_half_the_time_and_keeps_the_evidence() -> None:
    slow, fast = load_profile("rpi4_xnnpack"), load_profile("rpi4_xnnpack", {"scale.clock": 2})
    assert fast.hardware.clock_hz == 2 * slow.hardware.clock_hz
    assert fast.evidence == slow.evidence


def test_factors_lie_over_all_other_overrides() -> None:
    for order in (1, -1):
        pairs = [("scale.clock", 0.5), ("hardware.clock_hz", 1e9)][::order]
        assert load_profile("rpi4_xnnpack", dict(pairs)).hardware.clock_hz == 5e8


def test_bandwidth_moves_rates_prices_and_constants_that_memories_own() -> None:
    profile = load_profile("rpi4_xnnpack", {"scale.bandwidth": 2})
    before = load_profile("rpi4_xnnpack")
    for name, memory in before.hardware.memories.items():
        if memory.bytes_per_cycle is not None:
            assert profile.hardware.memories[name].bytes_per_cycle == 2 * memory.bytes_per_cycle
    assert profile.runtime.constants == before.runtime.constants
    assert profile.evidence is None


@pytest.mark.parametrize(
    ("tile", "factor", "expected"),
    [
        (Tile(m=4, n=8), 2, (4, 16, 1)),
        (Tile(m=8, n=8, k=4), 0.5, (4, 8, 4)),
        (Tile(k=2), 0.25, (1, 1, 1)),
        (Tile(), 4, (4, 1, 1)),
    ],
)
def test_the_widest_extent_is_scaled_and_a_mac_costs_less(
    tile: Tile, factor: float, expected: tuple[int, int, int]
) -> None:
    rule = rescaled(unit_device(tile), {"scale.simd": factor}).runtime.kernels["heavy"]
    assert (rule.tile.m, rule.tile.n, rule.tile.k) == expected
    assert rule.cycles.per_mac == 1.0 / factor


def test_all_tiles_are_wider() -> None:
    rule = {"other_tiles": (Tile(n=2), Tile(m=16, n=4))}
    own = rescaled(unit_device(Tile(m=4), rule=rule), {"scale.simd": 2}).runtime.kernels["heavy"]
    assert [(t.m, t.n) for t in (own.tile, *own.other_tiles)] == [(8, 1), (1, 4), (32, 4)]


def test_vectors_that_are_skipped_are_the_width() -> None:
    own = unit_device(Tile(m=4), rule={"skips_vectors": 8})
    rule = rescaled(own, {"scale.simd": 0.5}).runtime.kernels["heavy"]
    assert (rule.skips_vectors, rule.tile.m) == (4, 4)


def test_a_constant_of_products_alone_is_scaled_and_a_shared_one_becomes_a_number() -> None:
    named = unit_device(cycles=Cycles(per_mac="mac"), constants={"mac": 3.0})
    own = rescaled(named, {"scale.simd": 2})
    assert own.runtime.constants == {"mac": 1.5}
    assert own.runtime.kernels["heavy"].cycles.per_mac == "mac"
    shared = unit_device(cycles=Cycles(per_mac="mac", per_output="mac"), constants={"mac": 3.0})
    own = rescaled(shared, {"scale.simd": 2})
    assert own.runtime.constants == {"mac": 3.0}
    assert own.runtime.kernels["heavy"].cycles == Cycles(per_mac=1.5, per_output="mac")


def test_wider_lanes_pad_more_and_are_faster_where_they_fit() -> None:
    program = lower(residual(), load_profile("rpi4_xnnpack"))
    wide = lower(program.graph, rescaled(program.profile, {"scale.simd": 4}))
    padded = [sum(c.macs_padding for c in count(one)) for one in (program, wide)]
    assert padded[0] <= padded[1]
    assert price(wide, count(wide)).latency_s < price(program, count(program)).latency_s


def test_caches_grow_and_homes_do_not() -> None:
    before, after = (load_profile("gather_cpu_sim", {"scale.cache": f}) for f in (1, 2))
    for name, memory in before.hardware.memories.items():
        factor = 1 if memory.holds else 2
        assert after.hardware.memories[name].size_bytes == factor * memory.size_bytes


@pytest.mark.parametrize(
    ("name", "key", "value", "said"),
    [
        ("rpi4_xnnpack", "scale.speed", 2, "scale.clock, scale.bandwidth, scale.simd, scale.cache"),
        ("rpi4_xnnpack", "scale", 2, "there are scale.clock"),
        ("rpi4_xnnpack", "scale.clock", 0, "expected a factor of"),
        ("rpi4_xnnpack", "scale.clock", True, "got True"),
        ("rpi4_xnnpack", "scale.clock", "fast", "got 'fast'"),
        ("rpi4_xnnpack", "scale.clock", float("nan"), "got nan"),
        ("rpi4_xnnpack", "scale.simd", 3, "expected a power of two"),
        ("scnn_sim", "scale.simd", 2, "kernel 'walk' of scnn_sim .*geometry"),
        ("stm32l4r5_tflm", "scale.bandwidth", 2, "no memory of stm32l4r5_tflm has a bandwidth"),
        ("stm32l4r5_tflm", "scale.cache", 2, "no cache or scratchpad"),
    ],
)
def test_what_means_nothing_is_refused_by_name(
    name: str, key: str, value: object, said: str
) -> None:
    with pytest.raises(ProfileError, match=said) as caught:
        load_profile(name, {key: value})
    assert str(caught.value).startswith(f"{name}: ")
    assert "\n" not in str(caught.value)


def test_trees_of_one_text_are_not_shared() -> None:
    path = find_profile("rpi4_xnnpack")
    tree = read_tree(path)
    tree["hardware"]["memories"].clear()
    assert read_tree(path)["hardware"]["memories"]


def test_a_name_with_dots_is_overridden_and_sourced() -> None:
    tree = {"runtime": {"versions": {"2.16": {"scale": 1.0}, "2": {"16": 3}}}, "sources": {}}
    found = overridden(tree, "runtime.versions.2.16.scale", 2.0)
    assert found["runtime"]["versions"]["2.16"] == {"scale": 2.0}
    assert found["sources"] == {"runtime.versions.2.16.scale": "assumed: overridden"}
