"""Terminal: compact tables for people at a prompt, one line a result at any width."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from reports.labels import (
    cut_labels,
    device_label,
    digests,
    folded,
    short_recipes,
    shorten,
)
from reports.layout import TextColumn, TextTable, explained, fitted, lines, roomy, width_of
from reports.notes import notes
from reports.overrides import shortened
from reports.summary import sections
from reports.visible import cleaned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from hwsim.records import Comparison
    from reports.heat import Heat
    from reports.summary import Column, Section

LABEL: Final = 24
"""Characters of a recipe that are always shown, and the most that are."""
WIDE_LABEL: Final = 40
FIGURES: Final = 44
"""Characters that the figures which matter most take beside the recipe."""
DEVICE: Final = 11
"""Characters after which a device breaks at the head of its column of speed-ups."""
HIDEABLE: Final = frozenset({"MACs", "top-1"})
"""Columns with notes of their own."""
BASELINE: Final = "* "
INDENT: Final = "  "


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
        return "".join(f"{line.rstrip()}\n" for line in capture.get().split("\n")[:-1])


def page(comparison: Comparison, width: int) -> Group:
    """Return the tables, sentences and footer, for `rich.console.Console.print`."""
    full = cleaned(comparison)
    shown = shortened(full)
    room = min(WIDE_LABEL, max(LABEL, width - FIGURES))
    labels = cut_labels(short_recipes(shown), room)
    parts: list[RenderableType] = []
    tables: list[tuple[TextTable, TextTable]] = []
    is_marked = False
    models = sections(shown)
    for section in models:
        recipe = f", {labels[section.rows[0].result.recipe]}" if section.is_flat else ""
        parts += [Text(f"{section.model}{recipe}", style="bold"), Text("")]
        if section.heat is not None:
            parts += _heat(section, section.heat, labels, width)
        if section.rows:
            whole = _columns(section, labels, width)
            heads = _heads(section)
            table = fitted(roomy(whole, heads.values()), width)
            tables.append((whole, table))
            if not section.is_flat and any(row.is_baseline for row in section.rows):
                is_marked = True
            parts += [*lines(table, heads, _style), Text("")]
        parts += _whys(section, labels)
        parts += _list(
            "Refused",
            [
                _item(f"{labels[r.recipe]} on {r.devices}", r.reason.rstrip("."))
                for r in section.refusals
            ],
        )
    spelled = [f"{label}  =  {recipe}" for recipe, label in labels.items() if label != recipe]
    parts += _list("Recipes", [Text(line) for line in spelled])
    remarks = [
        *notes(full, models, HIDEABLE - {c.title for _, table in tables for c in table}),
        *_omitted(tables),
        *([f"{BASELINE.strip()} baseline of its device."] if is_marked else []),
    ]
    parts += _list("Notes", [Text(line) for line in remarks])
    parts += _list("Profiles", [Text(shorten(line, width - 2)) for line in digests(shown)])
    return Group(*parts, Text(f"hwsim {shown.version}", style="dim"))


def _columns(section: Section, labels: dict[str, str], width: int) -> TextTable:
    """Return all columns; devices are lines of their own unless each has one row only."""
    own = zip(*(row.cells[2:] for row in section.rows), strict=True)
    units = zip(*(row.units[2:] for row in section.rows), strict=True)
    if section.is_flat:
        names = [shorten(device_label(row.result), width // 2) for row in section.rows]
    else:
        names = [
            (BASELINE if row.is_baseline else INDENT) + labels[row.result.recipe]
            for row in section.rows
        ]
    title = "device" if section.is_flat else f"{INDENT}recipe"
    return (
        TextColumn(title.strip(), (title,), tuple(names), is_number=False),
        *(
            each
            for column, cells, symbols in zip(section.columns[2:], own, units, strict=True)
            for each in _column(column, cells, symbols, section.is_flat)
        ),
    )


def _column(
    column: Column, cells: tuple[str, ...], symbols: tuple[str, ...], is_flat: bool
) -> Iterator[TextColumn]:
    """Yield the column; its units, if not in the header, are above the rows or a column too."""
    header = (column.title, *([f"[{column.unit}]"] if column.unit else []))
    if not any(symbols):
        yield TextColumn(column.title, header, cells, column.is_number)
    elif is_flat:
        yield TextColumn(column.title, header, cells, column.is_number)
        yield TextColumn(column.title, (), symbols, is_number=False)
    else:
        units = tuple(f"[{symbol}]" for symbol in symbols)
        yield TextColumn(column.title, header, cells, column.is_number, units)


def _heads(section: Section) -> dict[int, str]:
    if section.is_flat:
        return {}
    devices = [device_label(row.result) for row in section.rows]
    return {i: each for i, each in enumerate(devices) if i == 0 or each != devices[i - 1]}


def _omitted(tables: Sequence[tuple[TextTable, TextTable]]) -> Iterator[str]:
    """Yield what a reader must know of columns that were given up or cut in some table.

    Args:
        tables: With all columns, and with those that are shown.
    """
    dropped = [
        column
        for whole, shown in tables
        for column in whole
        if column.title not in {kept.title for kept in shown}
    ]
    fits = [set(column.cells) == {"yes"} for column in dropped if column.title == "fits"]
    if fits and all(fits):
        is_always = len(fits) == len(tables)
        yield (
            "Every result fits its device."
            if is_always
            else "Where fits is left out, every result fits."
        )
    kept = [column for _, shown in tables for column in shown if column.title == "executed as"]
    ways = [cell for column in kept for cell in column.cells if "/" in cell]
    # One example of each way will do.
    yield from map(explained, {way.rpartition(" ")[2]: way for way in reversed(ways)}.values())
    gone = dict.fromkeys(c.title for c in dropped if c.title != "fits" or not all(fits))
    if gone:
        yield f"Left out at this width: {', '.join(gone)}."


def _heat(section: Section, heat: Heat, labels: dict[str, str], width: int) -> list[RenderableType]:
    """Return the speed-ups; devices that do not fit beside each other go below."""
    title = f"Speed-up over {labels.get(heat.baseline, heat.baseline)}"
    names = tuple((BASELINE if r.is_baseline else INDENT) + labels[r.recipe] for r in heat.rows)
    first = (
        TextColumn("recipe", (f"{INDENT}recipe",), names, is_number=False),
        TextColumn("promise", ("fewer", "MACs"), tuple(row.promise for row in heat.rows)),
    )
    devices = [
        TextColumn(
            device,
            folded(device, DEVICE),
            tuple(row.cells[i].text for row in heat.rows),
        )
        for i, device in enumerate(heat.devices)
    ]
    shades = {
        device: [row.cells[i].shade for row in heat.rows] for i, device in enumerate(heat.devices)
    }

    def style(column: TextColumn, row: int) -> str:
        shade = shades.get(column.title, [0.0] * len(names))[row]
        return "bold green" if shade > 0 else "red" if shade < 0 else ""

    parts: list[RenderableType] = [Text(title, style="bold", no_wrap=True, overflow="ellipsis")]
    table: TextTable = first
    for device in devices:
        if len(table) > len(first) and width_of((*table, device)) > width:
            parts += [*lines(table, {}, style), Text("")]
            table = first
        table = (*table, device)
    return [*parts, *lines(table, {}, style), Text("")]


def _style(column: TextColumn, row: int) -> str:
    return "bold red" if column.title == "fits" and column.cells[row] == "NO" else ""


def _whys(section: Section, labels: dict[str, str]) -> list[RenderableType]:
    if not section.whys:
        return []
    parts: list[RenderableType] = [Text("Why", style="bold")]
    for recipe, promise in dict.fromkeys((why.recipe, why.promise) for why in section.whys):
        head = Text.assemble((labels[recipe], "cyan"), f", {promise}" if promise else "")
        parts.append(Padding(head, (0, 0, 0, 2), expand=False))
        own = [why.text for why in section.whys if (why.recipe, why.promise) == (recipe, promise)]
        parts += [Padding(Text(f"{text}."), (0, 0, 0, 4), expand=False) for text in own]
    return [*parts, Text("")]


def _list(title: str, items: Iterable[Text]) -> list[RenderableType]:
    padded = [Padding(item, (0, 0, 0, 2), expand=False) for item in items]
    return [Text(title, style="bold"), *padded, Text("")] if padded else []


def _item(place: str, text: str) -> Text:
    return Text.assemble((place, "bold"), f": {text}.")
