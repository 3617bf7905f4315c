"""Structure: what a count depends on, and what it does not."""

from __future__ import annotations

import pytest

from hwsim.cost import count
from hwsim.lower import lower
from hwsim.profile import load_profile
from hwsim.repricing import bill_of, price_keys, structure_of
from hwsim.repricing.values import bounds_of
from tests.unit.repricing.programs import residual_integers

COUNTED = (
    ("sparse_pe64_sim", "runtime.kernels.walk.tile.m", 32),
    ("sparse_pe64_sim", "runtime.overlaps_memory", False),
    ("gather_cpu_sim", "hardware.memories.l1.ways", 2),
    ("gather_cpu_sim", "hardware.memories.l1.size_bytes", 16384),
    ("pe_array_sim", "hardware.memories.activations.access_bytes", 16),
    ("stm32l4r5_tflm", "runtime.folds_constants", False),
    ("rpi4_xnnpack", "runtime.real_bits", 16),
    ("rpi4_xnnpack", "runtime.code_bytes", 1),
    ("rpi4_xnnpack", "numerics.policy", "tflite-ref"),
)


@pytest.mark.parametrize(("name", "key", "value"), COUNTED)
def test_what_counts_depend_on_is_structure(name: str, key: str, value: object) -> None:
    assert structure_of(load_profile(name, {key: value})) != structure_of(load_profile(name))


def test_removing_dead_channels_is_structure() -> None:
    name, version = "stm32l4r5_tflm", load_profile("stm32l4r5_tflm").runtime.version
    other = f"runtime.versions.{version}.removes_dead_channels"
    profile = load_profile(name)
    changed = load_profile(name, {other: not profile.runtime.current.removes_dead_channels})
    assert structure_of(changed) != structure_of(profile)


def test_a_bandwidth_that_is_there_differs_from_none() -> None:
    name = "stm32l4r5_tflm"
    (home,) = [
        k for k, m in load_profile(name).hardware.memories.items() if "activations" in m.holds
    ]
    key = f"hardware.memories.{home}.bytes_per_cycle"
    once, twice = load_profile(name, {key: 1.0}), load_profile(name, {key: 2.0})
    assert structure_of(once) != structure_of(load_profile(name))
    assert structure_of(once) == structure_of(twice)


def test_what_is_said_of_a_profile_is_no_structure() -> None:
    profile = load_profile("rpi4_xnnpack")
    said: dict[str, object] = {"evidence": None, "description": "another", "fit": None}
    assert structure_of(profile.model_copy(update=said)) == structure_of(profile)


def test_every_key_has_bounds_and_none_follows_from_a_geometry() -> None:
    program = lower(residual_integers(), load_profile("scnn_sim"))
    bill = bill_of(program, count(program))
    keys = price_keys(bill)
    assert keys
    assert "runtime.kernels.walk.cycles.per_mac" not in keys
    assert [bounds_of(key)[1] for key in sorted(keys)].count(True) == 1
