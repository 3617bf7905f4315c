"""Recipes break behind bars and commas; sections open, close and lead back."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reports.explanation import Html
from reports.explanation.charts import LEFT
from reports.explanation.folding import breakable_at, folded_at
from reports.explanation.layers import LOST
from tests.explanations import explanation

SPEC = (
    "compress by prune{structure=filter,sparsity=0.6838,round_to=32}|finetune|quantize: saves 87 %"
)


@given(st.integers(8, 100))
def test_lines_are_the_text_and_break_in_no_word(width: int) -> None:
    lines = folded_at(SPEC, width)
    assert "".join(lines).replace(" ", "") == SPEC.replace(" ", "")
    for line, following in pairwise(lines):
        assert line[-1] in "|," or f"{line} {following}" in SPEC
        assert not following.startswith("%")
    words = [piece for piece in re.split(r"(?<=[|,])| ", SPEC) if piece]
    assert max(map(len, lines)) <= max(width, *map(len, words), len("87 %"))


def test_breakable_text_is_escaped() -> None:
    assert breakable_at("a{b=<i>,c=1}|d e") == "a{b=&lt;i&gt;,<wbr>c=1}|<wbr>d e"


def test_the_first_section_is_open_and_each_leads_to_the_top() -> None:
    text = Html().render(explanation())
    bodies = re.findall(r'<details class="body"( open)?>\n<summary>(.*?)</summary>', text, re.S)
    assert [bool(opened) for opened, _ in bodies] == [True, False, False, False, False]
    assert all("8.40x fewer effective MACs" in summary for _, summary in bodies)
    assert text.count('<a href="#top">') == 5
    assert text.count('id="top"') == 1


def test_lost_and_the_directions_of_bars_are_defined() -> None:
    text = Html().render(explanation())
    assert LOST in text
    assert LEFT in text
