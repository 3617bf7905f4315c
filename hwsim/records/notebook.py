"""Small tables in plain HTML, which notebooks show for a record; figures as people read them.

`reports` renders whole pages; here is only what fits a cell, so that records need nothing above.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

LISTED: Final = 50
"""Rows of a table; the rest is counted."""
SECONDS: Final = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
JOULES: Final = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"), (1e-9, "nJ"), (1e-12, "pJ"))
BYTES: Final = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))


def html_of_pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """Return names and texts as a table of two columns."""
    body = "".join(f"<tr>{_cell('th', name)}{_cell('td', text)}</tr>" for name, text in pairs)
    return f"<table><tbody>{body}</tbody></table>"


def html_of_rows(rows: Sequence[Mapping[str, str]]) -> str:
    """Return a table of rows that have the same columns, as many as are listed."""
    head = "".join(_cell("th", name) for name in (rows[0] if rows else ()))
    body = "".join(
        f"<tr>{''.join(_cell('td', text) for text in row.values())}</tr>" for row in rows[:LISTED]
    )
    more = len(rows) - LISTED
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" + (
        f"<p>and {more:,} more</p>" if more > 0 else ""
    )


def html_of_list(title: str, lines: Sequence[str]) -> str:
    """Return lines under a title that counts them; nothing where there are none."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines[:LISTED])
    return f"<p>{escape(title)} ({len(lines):,}):</p><ul>{items}</ul>" if lines else ""


def _cell(kind: str, text: str) -> str:
    return f"<{kind}>{escape(text)}</{kind}>"


def scaled(value: float, units: Sequence[tuple[float, str]]) -> str:
    """Return a figure in the largest unit of which it is at least one: `1.83 ms`."""
    if not math.isfinite(value):
        return str(value)
    base, symbol = next((each for each in units if value >= each[0]), units[-1])
    return f"{_figure(value / base)} {symbol}"


def _figure(value: float) -> str:
    """Return three significant digits, without an exponent; whole digits are kept."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.2e}")
    return f"{value:,.{max(0, 2 - math.floor(math.log10(abs(rounded))))}f}"
