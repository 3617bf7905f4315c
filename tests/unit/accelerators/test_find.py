"""Accelerators are found by name."""

from __future__ import annotations

import pytest

from hwsim.accelerators import ACCELERATORS, Eie, PeArray
from hwsim.accelerators.find import find_accelerator
from hwsim.errors import UnsupportedError


def test_every_accelerator_is_found_as_published_and_as_asked_for() -> None:
    for kind in ACCELERATORS:
        assert find_accelerator(kind.name, {}) == kind()
    assert find_accelerator("eie", {"pes": 256, "queue": 4}) == Eie(pes=256, queue=4)
    found = find_accelerator("pe_array", {"pes": 8, "scheduling": "static", "skips": "weights"})
    assert found == PeArray(pes=8, scheduling="static", skips="weights")


def test_mistakes_are_told() -> None:
    with pytest.raises(UnsupportedError, match="no accelerator 'tpu'; known: dual_side, eie"):
        find_accelerator("tpu", {})
    with pytest.raises(UnsupportedError, match="eie has no 'simd'; it has: pes, queue, index_bits"):
        find_accelerator("eie", {"simd": 2})
    with pytest.raises(UnsupportedError, match="eie: pes: expected a whole number from 1, got 'x'"):
        find_accelerator("eie", {"pes": "x"})
    with pytest.raises(UnsupportedError, match="eie: pes: expected a whole number from 1, got 0"):
        find_accelerator("eie", {"pes": 0})
    words = "pe_array: skips: expected one of none, weights, activations, both, got 'all'"
    with pytest.raises(UnsupportedError, match=words):
        find_accelerator("pe_array", {"skips": "all"})
    with pytest.raises(UnsupportedError, match=r"pe_array: gates: .* both, got 1"):
        find_accelerator("pe_array", {"gates": 1})


def test_geometries_that_no_chip_has_are_told() -> None:
    with pytest.raises(UnsupportedError, match="eie: index_bits: expected 1 to 32, got 100000"):
        find_accelerator("eie", {"index_bits": 100_000})
    most = "scnn: expected at most 16777216 multipliers, got 17179869184; make high or wide smaller"
    with pytest.raises(UnsupportedError, match=most):
        find_accelerator("scnn", {"high": 1 << 15, "wide": 1 << 15})
