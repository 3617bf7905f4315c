"""Every operator that the ONNX reader claims, on ONNX's own tests of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from hwsim.interchange.onnx.read_operators import READERS
from tests.oracle.onnx_node_tests import REASONS, NodeTest, Outcome, node_tests, outcome, reason

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "onnx.md"
# It has no tensor of its own: it is part of a layer, as test_onnx_models.py compares.
PARTS: Final = {"DynamicQuantizeLinear"}
BEGIN, END = "<!-- generated: operators -->", "<!-- end -->"


def claimed() -> list[NodeTest]:
    return [test for test in node_tests() if test.op in READERS]


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return [outcome(test) for test in claimed()]


def test_no_result_differs(outcomes: list[Outcome]) -> None:
    wrong = {o.test.name: o.message for o in outcomes if o.verdict == "failed"}
    assert not wrong


def test_every_refusal_has_a_reason(outcomes: list[Outcome]) -> None:
    unexplained = {
        o.test.name: o.message for o in outcomes if o.verdict == "refused" and not reason(o)
    }
    assert not unexplained


def test_every_reason_is_met(outcomes: list[Outcome]) -> None:
    assert {reason(o) for o in outcomes if o.verdict == "refused"} == {
        label for _, label in REASONS
    }


def test_every_claimed_operator_passes_a_test_of_its_own(outcomes: list[Outcome]) -> None:
    passed = {o.test.op for o in outcomes if o.verdict == "passed"}
    tested = {o.test.op for o in outcomes}
    assert passed == tested - PARTS


def test_the_document_says_what_was_run(
    outcomes: list[Outcome], request: pytest.FixtureRequest
) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    expected = f"{before}{BEGIN}\n\n{_table(outcomes)}\n{END}{after}"
    if request.config.getoption("--update-golden"):
        DOCUMENT.write_text(expected, encoding="utf-8", newline="\n")
        return
    assert text == expected, "docs/onnx.md is out of date; run with --update-golden"


def _table(outcomes: list[Outcome]) -> str:
    passed = Counter(o.test.op for o in outcomes if o.verdict == "passed")
    refused = Counter(o.test.op for o in outcomes if o.verdict == "refused")
    untested = sorted(op for op in READERS if op not in passed and op not in refused)
    total = sum(passed.values()) + sum(refused.values())
    tested = len(READERS) - len(untested)
    lines = [
        f"{len(READERS)} operators are claimed. ONNX has {total} tests of single nodes of {tested}",
        f"of them: {sum(passed.values())} pass, {sum(refused.values())} are refused, none differs.",
        "",
        "| refused because of | tests |",
        "|---|---:|",
    ]
    reasons = Counter(reason(o) for o in outcomes if o.verdict == "refused")
    lines += [f"| {label} | {reasons[label]} |" for label, _ in reasons.most_common()]
    lines += ["", "| operator | passed | refused |", "|---|---:|---:|"]
    lines += [
        f"| {op} | {passed[op]} | {refused[op] or ''} |" for op in sorted({*passed, *refused})
    ]
    return "\n".join([*lines, "", f"Without tests there: {', '.join(untested)}.", ""])
