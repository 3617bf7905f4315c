"""The guide lists every cause and reason as the program has them."""

from pathlib import Path

from hwsim.explain import REASONS
from reports.explanation.causes import CAUSES_NAMED

GUIDE = (Path(__file__).parents[4] / "docs" / "explain.md").read_text(encoding="utf-8")


def test_every_cause_is_in_the_guide() -> None:
    for cause, named in CAUSES_NAMED.items():
        assert f"| {named.label} | `{cause}` | {named.meaning} |" in GUIDE


def test_every_reason_is_in_the_guide() -> None:
    assert len(REASONS) == 8
    for reason in REASONS:
        bars = ", ".join(CAUSES_NAMED[cause].label for cause in reason.causes)
        assert f"| {reason.name} | {reason.pruning} | {bars} | {reason.sentence} |" in GUIDE
