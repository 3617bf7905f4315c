import re

import pytest

from reports.markdown import Markdown, escape
from tests.comparisons import comparison


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("ds_cnn_kws", "ds_cnn_kws"),
        ("_all_", "\\_all\\_"),
        ("a|b", "a\\|b"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("two\nlines", "two lines"),
        ("`*[x]", "\\`\\*\\[x\\]"),
    ],
)
def test_marks_are_made_plain(text: str, escaped: str) -> None:
    assert escape(text) == escaped


def test_every_row_has_as_many_cells_as_its_header() -> None:
    lines = [line for line in Markdown().render(comparison()).splitlines() if line.startswith("|")]
    widths = [len(re.split(r"(?<!\\)\|", line)) for line in lines]
    speedups, figures = 5, 11
    assert widths[:speedups] == [7] * speedups
    assert widths[speedups : speedups + figures] == [13] * figures
    # The second model has no accuracy, so one column less, and one refusal.
    assert widths[speedups + figures :] == [7] * speedups + [12] * (figures - 1)
