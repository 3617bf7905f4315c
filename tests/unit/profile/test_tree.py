"""Overrides make a new tree."""

from __future__ import annotations

from copy import deepcopy

import pytest

from hwsim.errors import ProfileError
from hwsim.profile.tree import find_profile, known_devices, overridden

TREE = {
    "hardware": {"clock_hz": 1.0, "mac_pj": {"8x8": 1.0}},
    "sources": {"hardware": "assumed: x"},
    "evidence": {"n": 3},
}


def test_an_override_leaves_the_tree_as_it_was() -> None:
    before = deepcopy(TREE)
    after = overridden(TREE, "hardware.mac_pj.8x8", 2.0)
    assert before == TREE
    assert after == {
        "hardware": {"clock_hz": 1.0, "mac_pj": {"8x8": 2.0}},
        "sources": {
            "hardware.clock_hz": "assumed: x",
            "hardware.mac_pj.8x8": "assumed: overridden",
        },
    }


def test_a_text_needs_no_source() -> None:
    assert overridden(TREE, "hardware.label", "x")["sources"] == {"hardware": "assumed: x"}


@pytest.mark.parametrize("key", ["clock_hz", "sources.hardware", "evidence.n", "hardware.x.y", "."])
def test_an_override_stays_in_the_sections(key: str) -> None:
    with pytest.raises(ProfileError, match="key"):
        overridden(TREE, key, 1.0)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("rpi4", "rpi4_leip, rpi4_ncnn, rpi4_pytorch, rpi4_xnnpack"),
        ("RPI4-ncnn", "rpi4_ncnn"),
        ("sparse_pe", "sparse_pe64_sim"),
        ("pe64", "sparse_pe64_sim"),
        # Those that begin with it come first.
        ("tpu", "tpu_systolic128_sim, edgetpu_coral"),
        ("stm32l4r5_tfml", "stm32l4r5_tflm"),
    ],
)
def test_an_unknown_device_is_told_the_near_ones(name: str, near: str) -> None:
    with pytest.raises(ProfileError) as caught:
        find_profile(name)
    text = str(caught.value)
    assert text.startswith(f"no device profile {name!r}; did you mean {near}")
    assert "`hwsim devices` lists all" in text
    assert sum(device in text.partition(";")[2] for device in known_devices()) <= 6


@pytest.mark.parametrize("name", ["", " ", "cortex_m99", "x" * 3000])
def test_where_none_is_near_nothing_is_guessed(name: str) -> None:
    with pytest.raises(ProfileError) as caught:
        find_profile(name)
    assert "did you mean" not in str(caught.value)
    assert "`hwsim devices` lists all" in str(caught.value)
