"""Lay a table out on lines of a terminal; give up columns, the least needed first, to fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from rich.cells import cell_len
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

GAP: Final = " "
RULE: Final = "─"
ROOM: Final = 8
"""Characters that a line of units is worth."""
WORDS: Final = {"dense_fallback": "dense"}
"""Ways of running that are too long for a narrow column."""


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column as it will be printed: lines of its header, one line per cell.

    The units stand on the line above the cell, where there is one; `least` is the least width.
    """

    title: str
    header: tuple[str, ...]
    cells: tuple[str, ...]
    is_number: bool = True
    units: tuple[str, ...] = ()
    least: int = 0

    @property
    def width(self) -> int:
        """Characters that it takes."""
        return max((self.least, *map(cell_len, (*self.header, *self.cells, *self.units))))


TextTable: TypeAlias = tuple[TextColumn, ...]
Step: TypeAlias = "Callable[[TextTable], TextTable]"


def width_of(table: TextTable) -> int:
    """Return the characters of a line of the table."""
    return sum(column.width for column in table) + len(GAP) * (len(table) - 1)


def fitted(table: TextTable, width: int) -> TextTable:
    """Return the table with as many of `STEPS` taken as `width` makes needful."""
    for step in STEPS:
        if width_of(table) <= width:
            break
        table = step(table)
    return table


def roomy(table: TextTable, heads: Iterable[str]) -> TextTable:
    """Return the table with its first column wide enough for heads that are a little longer.

    The units stand beside those, and below longer ones on a line of their own.
    """
    first, *others = table
    lacking = max(map(cell_len, heads), default=0) - first.width
    if not 0 < lacking <= ROOM or not any(column.units for column in others):
        return table
    return (replace(first, least=first.width + lacking), *others)


def lines(
    table: TextTable, heads: Mapping[int, str], style: Callable[[TextColumn, int], str]
) -> list[Text]:
    """Return header, rule and rows.

    Args:
        table: All columns have as many cells.
        heads: A line of its own above the row of that index, with the units of its rows.
        style: Of a cell, by its column and row.
    """
    depth = max(len(column.header) for column in table)
    made: list[Text] = []
    for i in range(depth):
        # Short headers stand at the bottom, next to their figures.
        words = [(*[""] * (depth - len(c.header)), *c.header)[i] for c in table]
        made.append(_line(table, [Text(word, style="bold") for word in words]))
    made.append(Text(RULE * width_of(table), style="dim"))
    for row in range(len(table[0].cells)):
        if row in heads:
            made += _head(table, row, Text(heads[row], style="bold cyan"))
        cells = [Text(column.cells[row], style=style(column, row)) for column in table]
        made.append(_line(table, cells))
    return made


def _head(table: TextTable, row: int, name: Text) -> list[Text]:
    units = [Text(column.units[row] if column.units else "", style="dim") for column in table[1:]]
    name.no_wrap, name.overflow = True, "ellipsis"
    if not any(units):
        return [name]
    if name.cell_len <= table[0].width:
        return [_line(table, [name, *units])]
    return [name, _line(table, [Text(""), *units])]


def _line(table: TextTable, cells: Sequence[Text]) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for i, (column, cell) in enumerate(zip(table, cells, strict=True)):
        padding = " " * (column.width - cell.cell_len)
        line.append(GAP if i else "")
        line.append(padding if column.is_number else "")
        line.append_text(cell)
        line.append("" if column.is_number else padding)
    line.rstrip()
    return line


def _narrow_headers(table: TextTable) -> TextTable:
    return tuple(
        replace(
            column,
            header=tuple(
                word for line in column.header for word in line.replace("-up", "- up").split(" ")
            ),
        )
        for column in table
    )


def _without(title: str) -> Step:
    return lambda table: tuple(column for column in table if column.title != title)


def _rewritten(title: str, rewrite: Callable[[str], str]) -> Step:
    def step(table: TextTable) -> TextTable:
        return tuple(
            replace(column, cells=tuple(map(rewrite, column.cells)))
            if column.title == title
            else column
            for column in table
        )

    return step


def _without_fits_where_all_do(table: TextTable) -> TextTable:
    return tuple(
        column for column in table if column.title != "fits" or set(column.cells) != {"yes"}
    )


def _brief(ways: str) -> str:
    """Return `5/8 dense` for `3 native, 5 dense_fallback`: the commonest way but native."""
    counts = {way: int(n) for n, way in (part.split(" ", 1) for part in ways.split(", ") if part)}
    others = [way for way in counts if way != "native"]
    if not others:
        return "native" if counts else ""
    commonest = max(others, key=lambda way: counts[way])
    return f"{counts[commonest]}/{sum(counts.values())} {WORDS.get(commonest, commonest)}"


def explained(brief: str) -> str:
    """Return what `5/8 dense` says, as a sentence."""
    share, _, word = brief.partition(" ")
    some, _, whole = share.partition("/")
    way = next((way for way, short in WORDS.items() if short == word), word)
    return f"Executed as {brief}: {some} of {whole} layers run as {way}."


STEPS: Final[tuple[Step, ...]] = (
    _narrow_headers,
    _rewritten("latency", lambda cell: cell.partition(" (")[0]),
    _rewritten("executed as", _brief),
    _without_fits_where_all_do,
    _without("executed as"),
    _without("MACs"),
    _without("flash"),
    _without("peak RAM"),
    _without("fits"),
    _without("energy"),
    _without("top-1"),
)
