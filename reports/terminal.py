"""Terminal: compact tables for people at a prompt."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reports.labels import profiles, short_recipes
from reports.summary import notes, sections

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hwsim.records import Comparison
    from reports.summary import Column, Row, Section

WIDE: Final = 115
"""From this width on, figures and what belongs to them stand on one line."""
RECIPE: Final = 20
"""Characters that the column of recipes gets at least, and an indent."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """See `Report`.

    Attributes:
        width: Characters of a line.
    """

    name: ClassVar[str] = "terminal"
    width: int = 120

    def render(self, comparison: Comparison) -> str:
        """See `Report.render`. Plain text; `page` is what a coloured console prints."""
        console = Console(file=io.StringIO(), width=self.width, color_system=None)
        with console.capture() as capture:
            console.print(page(comparison, self.width))
        return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def page(comparison: Comparison, width: int) -> Group:
    """Return the tables, sentences and footer, for `rich.console.Console.print`."""
    short = short_recipes(comparison)
    parts: list[RenderableType] = []
    for section in sections(comparison):
        parts.append(Text(section.model, style="bold"))
        if section.rows:
            parts.append(_table(section, short, width))
        parts += _list("Why", [_item(w.device, short[w.recipe], w.text) for w in section.whys])
        parts += _list(
            "Refused", [_item(r.device, short[r.recipe], r.reason) for r in section.refusals]
        )
    spelled = [f"{label}  =  {recipe}" for recipe, label in short.items() if label != recipe]
    parts += _list("Recipes", [Text(line) for line in spelled])
    parts += _list("Notes", [Text(line) for line in notes(comparison)])
    parts += _list("Profiles", [Text(line) for line in profiles(comparison)])
    return Group(*parts, Text(f"hwsim {comparison.version}", style="dim"))


def _table(section: Section, short: dict[str, str], width: int) -> Table:
    is_wide = width >= WIDE
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False)
    # The device is a line of its own above its recipes, which saves a column.
    for column in section.columns[1:]:
        _add_column(table, column, is_wide=is_wide)
    device = ""
    for row in section.rows:
        if row.cells[0] != device:
            device = row.cells[0]
            table.add_row(Text(device.replace(" [", "\n  ["), style="bold cyan"))
        table.add_row(*_cells(section, row, short, is_wide=is_wide))
    return table


def _add_column(table: Table, column: Column, *, is_wide: bool) -> None:
    header = str(column).replace(" [", "\n[")
    table.add_column(
        Text(header if is_wide else header.replace(" ", "\n").replace("-up", "-\nup")),
        justify="right" if column.is_number else "left",
        no_wrap=column.is_number,
        overflow="fold",
        min_width=RECIPE if column.title == "recipe" else None,
    )


def _cells(section: Section, row: Row, short: dict[str, str], *, is_wide: bool) -> list[Text]:
    recipe = short[row.result.recipe] + (" (baseline)" if row.is_baseline else "")
    cells = [Text(f"  {recipe}")]
    for column, cell in zip(section.columns[2:], row.cells[2:], strict=True):
        text = cell.replace(", ", ",\n")
        if column.is_number and column.unit != "%" and not is_wide:
            text = text.replace(" ", "\n", 1)
        cells.append(Text(text, style="bold red" if cell == "NO" else ""))
    return cells


def _list(title: str, lines: list[Text]) -> list[RenderableType]:
    if not lines:
        return []
    return [Text(title, style="bold"), *(Padding(line, (0, 0, 0, 2)) for line in lines), Text("")]


def _item(device: str, recipe: str, text: str) -> Text:
    return Text.assemble((f"{device}, {recipe}", "bold"), f": {text}.")
