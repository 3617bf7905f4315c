"""Terminal: what points come to, for people at a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reports.points.sections import sections_of
from reports.points.summary import axes_of, reasons_of, told
from reports.visible import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hwsim.records import Points, Study
    from reports.points.sections import Section

SECTIONS: Final = 12
"""Models on devices that are shown: two screens."""
LABEL: Final = 24


def page(study: Study, points: Points, asked: int | None = None) -> Group:
    """Return a table per model and device, for `rich.console.Console.print`."""
    sections = sections_of(points)
    parts: list[RenderableType] = [
        Text(f"{visible(study.title)}: {told(points, asked)}", style="bold")
    ]
    if points.axes and points.points:
        parts += [Text(""), _axes(points)]
    for section in sections[:SECTIONS]:
        parts += [Text(""), *_section(section)]
    if len(sections) > SECTIONS:
        more = f"{len(sections) - SECTIONS} more models on devices are in --md, --html and --csv"
        parts += [Text(""), Text(more)]
    parts += _reasons(points)
    return Group(*parts, Text(""), Text(f"hwsim {visible(study.comparison.version)}", style="dim"))


def _axes(points: Points) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("axis", overflow="fold")
    table.add_column("values", overflow="fold")
    table.add_column("n", justify="right")
    for axis in axes_of(points):
        table.add_row(Text(axis.name), Text(axis.values), f"{axis.n:,}")
    return table


def _section(section: Section) -> list[RenderableType]:
    head = Text.assemble((section.title, "bold cyan"), f": {section.told}")
    if not section.rows:
        return [head]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", max_width=LABEL)
    for column, unit in zip(section.columns, section.units, strict=True):
        table.add_column(Text(f"{column}\n[{unit}]"), justify="right")
    for row in section.rows:
        table.add_row(Text(row.label), *map(Text, row.figures))
    parts: list[RenderableType] = [head, table]
    for row in section.rows:
        what = "; ".join(filter(None, (row.recipe, row.axes)))
        if what:
            parts.append(Padding(Text(f"{row.label}: {what}", overflow="fold"), (0, 0, 0, 2)))
    return parts


def _reasons(points: Points) -> list[RenderableType]:
    reasons, rarer = reasons_of(points.points)
    parts: list[RenderableType] = [
        Text(f"refused by {reason.device}, {reason.n:,}: {reason.reason}") for reason in reasons
    ]
    if rarer:
        parts.append(Text(f"{rarer:,} rarer reasons are not shown"))
    return [Text(""), *parts] if parts else []
