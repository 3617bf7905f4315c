"""Markdown: for pull requests and notes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from reports.labels import profiles
from reports.summary import notes, sections

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hwsim.records import Comparison
    from reports.summary import Row, Section

SPECIAL: Final = re.compile(r"[\\`*\[\]|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""What Markdown would take as its own; an underscore inside a word is none."""


@dataclass(frozen=True, slots=True)
class Markdown:
    """See `Report`."""

    name: ClassVar[str] = "md"

    def render(self, comparison: Comparison) -> str:
        """See `Report.render`."""
        lines: list[str] = []
        for section in sections(comparison):
            lines += [f"## {escape(section.model)}", "", *_table(section)]
            lines += _list("Why", [_item(w.device, w.recipe, w.text) for w in section.whys])
            lines += _list(
                "Refused", [_item(r.device, r.recipe, r.reason) for r in section.refusals]
            )
        lines += [text for note in notes(comparison) for text in (escape(note), "")]
        lines += _list("Profiles", [f"- {escape(text)}" for text in profiles(comparison)])
        return "\n".join([*lines, f"hwsim {escape(comparison.version)}"]) + "\n"


def escape(text: str) -> str:
    """Return `text` on one line, with what Markdown or HTML would take as theirs made plain."""
    plain = SPECIAL.sub(lambda mark: f"\\{mark.group()}", " ".join(text.split()))
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _table(section: Section) -> list[str]:
    if not section.rows:
        return []
    rules = ["---:" if column.is_number else "---" for column in section.columns]
    return [
        _line(str(column) for column in section.columns),
        _line(rules),
        *(_line(_cells(row)) for row in section.rows),
        "",
    ]


def _cells(row: Row) -> list[str]:
    device, recipe, *others = map(escape, row.cells)
    return [device, f"{recipe} (baseline)" if row.is_baseline else recipe, *others]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _list(title: str, items: list[str]) -> list[str]:
    return [f"**{title}**", "", *items, ""] if items else []


def _item(device: str, recipe: str, text: str) -> str:
    return f"- {escape(device)}, {escape(recipe)}: {escape(text)}."
