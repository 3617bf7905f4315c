"""Markdown: what points come to, for pull requests and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.markdown import escape
from reports.points.sections import sections_of
from reports.points.summary import axes_of, reasons_of, told
from reports.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hwsim.records import Points, Study
    from reports.points.sections import Section


def as_markdown(study: Study, points: Points, asked: int | None = None) -> str:
    """Return a table per model and device; `asked` are the points of the whole sweep."""
    reasons, rarer = reasons_of(points.points)
    lines = [f"## {escape(visible(study.title))}", "", f"{told(points, asked)}.", ""]
    lines += _table(
        ("axis", "values", "n"), 2, [(a.name, a.values, f"{a.n:,}") for a in axes_of(points)]
    )
    for section in sections_of(points):
        lines += [f"**{escape(section.title)}**: {section.told}.", "", *_section(section)]
    lines += _table(
        ("refused by", "reason", "points"), 2, [(r.device, r.reason, f"{r.n:,}") for r in reasons]
    )
    lines += [f"{rarer:,} rarer reasons are not shown.", ""] if rarer else []
    return "\n".join([*lines, f"hwsim {escape(visible(study.comparison.version))}"]) + "\n"


def _section(section: Section) -> list[str]:
    units = zip(section.columns, section.units, strict=True)
    headings = ("", "recipe", "axes", *(f"{column} [{unit}]" for column, unit in units))
    rows = [(row.label, row.recipe, row.axes, *row.figures) for row in section.rows]
    return _table(headings, 3, rows)


def _table(headings: tuple[str, ...], words: int, rows: list[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    return [
        _line(headings),
        _line(["---"] * words + ["---:"] * (len(headings) - words)),
        *(_line(row) for row in rows),
        "",
    ]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(escape, cells))} |"
