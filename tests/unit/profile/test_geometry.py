"""Geometries of accelerators: numbers and words, and the price that follows from them."""

from __future__ import annotations

import pytest

from hwsim.accelerators import PeArray
from hwsim.errors import ProfileError
from hwsim.profile import device
from hwsim.profile.geometry import PER_MULTIPLIER, with_multipliers

WALK = "runtime.kernels.walk"


def test_numbers_and_words_make_the_accelerator() -> None:
    rule = device("pe_array_sim").runtime.kernels["walk"]
    assert rule.accelerator == PeArray(pes=64)
    settings = {f"{WALK}.geometry.pes": 128, f"{WALK}.geometry.lanes": 4}
    settings |= {f"{WALK}.geometry.scheduling": "static", f"{WALK}.geometry.gates": "both"}
    changed = device("pe_array_sim", **settings).runtime.kernels["walk"]
    assert changed.accelerator == PeArray(pes=128, lanes=4, scheduling="static", gates="both")
    assert (rule.cycles.per_mac, changed.cycles.per_mac) == (1 / 64, 1 / 512)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "geometry.pes",
            0,
            "geometry.pes: expected a whole number of 1 to 1048576, or a word, got",
        ),
        ("geometry.pes", 2.5, r"geometry.pes: expected .*, got 2.5 \(float\)"),
        ("geometry.pes", True, r"geometry.pes: expected .*, got True \(bool\)"),
        ("geometry.skips", "", r"geometry.skips: expected .*, got '' \(str\)"),
        ("geometry.pes", "many", "schedule: pe_array: pes: expected a whole number from 1"),
        ("geometry.skips", "all", "schedule: pe_array: skips: expected one of none, weights, act"),
        ("geometry.chunk", 2, "schedule: pe_array: chunk: expected 1, as static"),
        ("cycles.per_mac", "per_mac", "cycles.per_mac: no constant 'per_mac'"),
        ("cycles.per_mac", 0.25, "cycles.per_mac: expected 0.015625, .* 64 multipliers, got 0.25"),
    ],
)
def test_mistakes_are_told_in_a_line(key: str, value: object, message: str) -> None:
    settings = {f"{WALK}.geometry.scheduling": "static", f"{WALK}.{key}": value}
    with pytest.raises(ProfileError, match=rf"pe_array_sim: {WALK}.{message}") as caught:
        device("pe_array_sim", **settings)
    assert "\n" not in str(caught.value)


def test_a_kernel_without_an_accelerator_has_no_multipliers() -> None:
    with pytest.raises(ProfileError, match=rf"{WALK}.cycles.per_mac: no constant '1/multipliers'"):
        device("sparse_pe64_sim", **{f"{WALK}.cycles.per_mac": PER_MULTIPLIER})


@pytest.mark.parametrize(
    "kernel",
    [
        None,
        {},
        {"cycles": 3},
        {"cycles": {"per_mac": 1.0}},
        {"cycles": {"per_mac": PER_MULTIPLIER}},
        {"cycles": {"per_mac": PER_MULTIPLIER}, "schedule": "lockstep"},
        {"cycles": {"per_mac": PER_MULTIPLIER}, "schedule": "eie", "geometry": 3},
        {"cycles": {"per_mac": PER_MULTIPLIER}, "schedule": "eie", "geometry": {"pes": "x"}},
        {"cycles": {"per_mac": PER_MULTIPLIER}, "schedule": ["eie"]},
    ],
)
def test_what_is_malformed_stays(kernel: object) -> None:
    assert with_multipliers(kernel) is kernel


def test_the_tree_itself_is_not_changed() -> None:
    kernel = {"cycles": {"per_mac": PER_MULTIPLIER}, "schedule": "eie"}
    assert with_multipliers(kernel) == {"cycles": {"per_mac": 1 / 64}, "schedule": "eie"}
    assert kernel["cycles"] == {"per_mac": PER_MULTIPLIER}
