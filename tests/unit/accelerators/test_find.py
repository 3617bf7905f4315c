"""Accelerators are found by name."""

from __future__ import annotations

import pytest

from hwsim.accelerators import ACCELERATORS, Eie
from hwsim.accelerators.find import find_accelerator
from hwsim.errors import UnsupportedError


def test_every_accelerator_is_found_as_published_and_as_asked_for() -> None:
    for kind in ACCELERATORS:
        assert find_accelerator(kind.name, {}) == kind()
    assert find_accelerator("eie", {"pes": 256, "queue": 4}) == Eie(pes=256, queue=4)


def test_mistakes_are_told() -> None:
    with pytest.raises(UnsupportedError, match="no accelerator 'tpu'; known: dual_side, eie"):
        find_accelerator("tpu", {})
    with pytest.raises(UnsupportedError, match="eie has no 'simd'; it has: pes, queue, index_bits"):
        find_accelerator("eie", {"simd": 2})
