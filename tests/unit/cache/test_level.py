"""Only what makes a cache is one."""

from __future__ import annotations

from typing import Any

import pytest

from hwsim.cache import CacheLevel, CacheState
from hwsim.errors import ProfileError
from tests.unit.cache.streams import level


def test_sets_need_not_be_a_power_of_two() -> None:
    cache = CacheLevel(name="LLC", size_bytes=30 << 20, line_bytes=64, ways=20)
    assert (cache.sets, cache.line_bits) == (24576, 6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size_bytes": 0}, "L1: size_bytes: expected an int of 1 or more, got 0"),
        ({"ways": 1.0}, "L1: ways: expected an int of 1 or more, got 1.0"),
        ({"ways": True}, "L1: ways: expected an int of 1 or more, got True"),
        ({"size_bytes": 1 << 70, "line_bytes": 1 << 70, "ways": 1}, "size_bytes: expected at most"),
        ({"line_bytes": 48}, "L1: line_bytes: expected a power of two, got 48"),
        ({"size_bytes": 1000}, "L1: size_bytes: expected a multiple of .* = 128, got 1000"),
    ],
)
def test_bad_geometry(wrong: dict[str, Any], message: str) -> None:
    fields: dict[str, Any] = {"name": "L1", "size_bytes": 1024, "line_bytes": 64, "ways": 2}
    with pytest.raises(ProfileError, match=message):
        CacheLevel(**(fields | wrong))


def test_lines_never_shrink() -> None:
    with pytest.raises(ProfileError, match="L2: line_bytes: expected at least the 64 of L1"):
        CacheState.empty([level(2, 2), level(2, 2, 32, "L2")])


def test_no_level() -> None:
    with pytest.raises(ProfileError, match="expected at least one"):
        CacheState.empty([])
