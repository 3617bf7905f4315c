"""Policies by name."""

from __future__ import annotations

import pytest

from hwsim.errors import UnsupportedError
from hwsim.numerics import POLICIES, find_policy


def test_every_policy_is_found_by_its_name() -> None:
    assert [find_policy(policy.name) for policy in POLICIES] == list(POLICIES)
    assert len({policy.name for policy in POLICIES}) == len(POLICIES)


def test_unknown_policy_names_those_there_are() -> None:
    with pytest.raises(UnsupportedError) as error:
        find_policy("tflite")
    assert str(error.value) == (
        "no numerics policy 'tflite'; known: " + ", ".join(policy.name for policy in POLICIES)
    )


@pytest.mark.parametrize(
    ("name", "conv", "linear"),
    [
        ("tflite-ref", "gemmlowp", "float64_away"),
        ("tflm", "gemmlowp", "gemmlowp"),
        ("xnnpack", "float32_even", "float32_even"),
    ],
)
def test_roundings_as_measured(name: str, conv: str, linear: str) -> None:
    policy = find_policy(name)
    assert (policy.conv.name, policy.linear.name) == (conv, linear)
