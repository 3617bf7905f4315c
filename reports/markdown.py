"""Markdown: for pull requests and notes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from reports.labels import profiles
from reports.notes import notes
from reports.overrides import shortened
from reports.summary import sections
from reports.visible import cleaned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hwsim.records import Comparison
    from reports.heat import Heat
    from reports.summary import Row, Section

SPECIAL: Final = re.compile(r"[\\`*\[\]|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""What Markdown would take as its own; an underscore inside a word is none."""


@dataclass(frozen=True, slots=True)
class Markdown:
    """See `Report`."""

    name: ClassVar[str] = "md"

    def render(self, comparison: Comparison) -> str:
        """See `Report.render`."""
        full = cleaned(comparison)
        shown = shortened(full)
        lines: list[str] = []
        models = sections(shown)
        for section in models:
            lines += [f"## {escape(section.model)}", ""]
            lines += [] if section.heat is None else _heat(section.heat)
            lines += _table(section)
            lines += _list(
                "Why",
                [
                    _item(f"{w.recipe}, {w.promise}".removesuffix(", "), w.text)
                    for w in section.whys
                ],
            )
            refused = [(f"{r.recipe} on {r.devices}", r.reason) for r in section.refusals]
            lines += _list("Refused", [_item(place, reason) for place, reason in refused])
        lines += [text for note in notes(full, models) for text in (escape(note), "")]
        lines += _list("Profiles", [f"- {escape(text)}" for text in profiles(shown)])
        return "\n".join([*lines, f"hwsim {escape(shown.version)}"]) + "\n"


def escape(text: str) -> str:
    """Return `text` on one line, with what Markdown or HTML would take as theirs made plain."""
    plain = SPECIAL.sub(lambda mark: f"\\{mark.group()}", " ".join(text.split()))
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _heat(heat: Heat) -> list[str]:
    devices = [escape(device) for device in heat.devices]
    rows = [
        [
            escape(row.recipe) + (" (baseline)" if row.is_baseline else ""),
            row.promise,
            # A gain stands out; Markdown has no colours.
            *(f"**{cell.text}**" if cell.shade > 0 else cell.text for cell in row.cells),
        ]
        for row in heat.rows
    ]
    return [
        f"**Speed-up over {escape(heat.baseline)}**",
        "",
        _line(["recipe", "fewer MACs", *devices]),
        _line(["---", *["---:"] * (1 + len(devices))]),
        *map(_line, rows),
        "",
    ]


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
    united = (f"{c} {u}".rstrip() for c, u in zip(row.cells, row.units, strict=True))
    device, recipe, *others = map(escape, united)
    return [device, f"{recipe} (baseline)" if row.is_baseline else recipe, *others]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _list(title: str, items: list[str]) -> list[str]:
    return [f"**{title}**", "", *items, ""] if items else []


def _item(place: str, text: str) -> str:
    return f"- {escape(place)}: {escape(text.rstrip('.'))}."
