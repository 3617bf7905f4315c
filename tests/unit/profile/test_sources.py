"""What remains of sources when numbers change hands."""

from __future__ import annotations

import pytest

from hwsim.profile.sources import claims, surviving

CLAIMS = ("hardware.clock_hz", "hardware.mac_pj.4x4", "hardware.mac_pj.8x8", "hardware.static_w")


@pytest.mark.parametrize(
    ("sources", "replaced", "kept"),
    [
        ({"hardware": "a"}, (), {"hardware": "a"}),
        ({"hardware": "a"}, CLAIMS, {}),
        (
            {"hardware": "a"},
            ("hardware.clock_hz",),
            {"hardware.mac_pj": "a", "hardware.static_w": "a"},
        ),
        (
            {"hardware": "a", "hardware.mac_pj": "b"},
            ("hardware.mac_pj.4x4",),
            {"hardware.clock_hz": "a", "hardware.static_w": "a", "hardware.mac_pj.8x8": "b"},
        ),
        (
            {"hardware.mac_pj": "b", "hardware": "a"},
            ("hardware.clock_hz",),
            {"hardware.mac_pj": "b", "hardware.static_w": "a"},
        ),
        ({"hardware.klock": "a"}, CLAIMS, {"hardware.klock": "a"}),
        ({"hardware.c": "a"}, ("hardware.clock_hz",), {"hardware.c": "a"}),
    ],
)
def test_a_source_keeps_what_was_not_replaced(
    sources: dict[str, object], replaced: tuple[str, ...], kept: dict[str, object]
) -> None:
    before = dict(sources)
    assert surviving(sources, CLAIMS, replaced) == kept
    assert sources == before


def test_numbers_and_the_policy_are_claims() -> None:
    tree = {
        "name": "toy",
        "hardware": {"clock_hz": 1.0, "memories": {"ram": {"holds": ["weights"]}}},
        "runtime": {"version": "1", "overlaps_memory": True, "code_bytes": 0},
        "numerics": {"policy": "tflm", "accumulator_bits": 32},
        "evidence": {"n": 3},
    }
    assert claims(tree) == [
        "hardware.clock_hz",
        "runtime.code_bytes",
        "numerics.policy",
        "numerics.accumulator_bits",
    ]
