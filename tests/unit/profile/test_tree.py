"""Overrides make a new tree."""

from __future__ import annotations

from copy import deepcopy

import pytest

from hwsim.errors import ProfileError
from hwsim.profile.tree import overridden

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
