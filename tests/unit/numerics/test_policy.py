"""Policies by name."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

import pytest

from hwsim.errors import UnsupportedError
from hwsim.numerics import POLICIES, ROUNDINGS, find_policy


def test_every_policy_is_found_by_its_name() -> None:
    assert [find_policy(policy.name) for policy in POLICIES] == list(POLICIES)
    assert len({policy.name for policy in POLICIES}) == len(POLICIES)


def test_unknown_policy_names_those_there_are() -> None:
    with pytest.raises(UnsupportedError) as error:
        find_policy("tflite")
    assert str(error.value) == (
        "no numerics policy 'tflite'; known: " + ", ".join(policy.name for policy in POLICIES)
    )


DOCUMENT = Path(__file__).parents[3] / "docs" / "numerics.md"


def rows(first: str) -> list[list[str]]:
    """Return the rows of the document's table whose header starts with these cells."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(first))
    table = list(takewhile(lambda line: line.startswith("|"), lines[start + 2 :]))
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in table]


def test_the_document_says_which_op_rounds_how() -> None:
    assert rows("| policy | conv | depthwise |") == [
        [
            policy.name,
            policy.conv.name,
            (policy.depthwise or policy.conv).name,
            (policy.grouped or policy.conv).name,
            policy.linear.name,
            policy.mul.name,
            policy.add,
            policy.softmax,
            policy.elementary,
        ]
        for policy in sorted(POLICIES, key=lambda policy: ORDER.index(policy.name))
    ]


def test_the_document_names_every_policy_and_rounding() -> None:
    assert {row[0] for row in rows("| policy | runtime |")} == {policy.name for policy in POLICIES}
    assert [row[0] for row in rows("| rounding | of an")] == [r.name for r in ROUNDINGS]


# As measured; see tests/oracle.
ORDER = ["tflite-ref", "tflm", "tflite-ruy", "xnnpack", "rndnu", "ort", "cmsis-nn", "trunc"]


@pytest.mark.parametrize(
    ("name", "conv", "depthwise", "linear"),
    [
        ("tflite-ref", "gemmlowp", None, "float64_away"),
        ("tflm", "gemmlowp", None, "gemmlowp"),
        ("tflite-ruy", "half_up_twice", "half_up_twice_lanes", "half_up_twice"),
        ("xnnpack", "float32_even", None, "float32_even"),
        ("ort", "float32_even", None, "float32_even"),
        ("cmsis-nn", "single", None, "single"),
        ("rndnu", "rndnu", None, "rndnu"),
        ("trunc", "float32_trunc", None, "float32_trunc"),
    ],
)
def test_roundings_as_measured(name: str, conv: str, depthwise: str | None, linear: str) -> None:
    policy = find_policy(name)
    assert (policy.conv.name, policy.linear.name) == (conv, linear)
    assert (policy.depthwise and policy.depthwise.name) == depthwise
