import csv
import io
from dataclasses import replace

import pytest

from hwsim.records import Comparison
from reports import Csv, Html, Markdown, Report, Terminal
from reports.visible import visible
from tests.comparisons import BASELINE, DEVICES, PRUNED, comparison, result

NASTY = "a\x1b[2J\r\nb\x9b31m\u202e\u2028|\x00"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain μ ◆", "plain μ ◆"),
        ("\x1b[31m", "␛[31m"),
        ("a\r\nb\t", "a␍␊b␉"),
        ("\x7f\x9b", "␡\\x9b"),
        ("\u202e", "\\u202e"),
    ],
)
def test_controls_are_drawn(text: str, shown: str) -> None:
    assert visible(text) == shown


def nasty() -> Comparison:
    made = [result(DEVICES[0], recipe, NASTY, 1, 0.5) for recipe in (BASELINE, PRUNED + NASTY)]
    odd = [
        replace(r, device=NASTY, runtime=NASTY, overrides=(NASTY,), numerics=NASTY) for r in made
    ]
    steps = tuple(replace(s, reason=NASTY, name=NASTY) for s in odd[1].estimate.steps)
    odd[1] = replace(odd[1], estimate=replace(odd[1].estimate, steps=steps))
    refusal = replace(comparison().refusals[0], model=NASTY, reason=NASTY, overrides=(NASTY,))
    return Comparison(results=tuple(odd), refusals=(refusal,), baseline=BASELINE, version=NASTY)


@pytest.mark.parametrize("report", [Csv(), Markdown(), Terminal(80)], ids=lambda r: r.name)
def test_no_control_reaches_a_reader(report: Report) -> None:
    text = report.render(nasty())
    assert all(each.isprintable() or each == "\n" for each in text)


def test_the_page_of_a_nasty_comparison_has_none_in_its_tables() -> None:
    text = Html().render(nasty()).partition("<script>")[0]
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_rows_stay_rows() -> None:
    assert len(list(csv.reader(io.StringIO(Csv().render(nasty()))))) == 4
    lines = Markdown().render(nasty()).splitlines()
    assert sum(line.startswith("| a") for line in lines) == 2
