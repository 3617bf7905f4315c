"""Terminal: where each structure starts to pay, and the best structure of each device."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from hwsim.records.matrix import LEAST_GAIN
from reports.labels import shorten
from reports.layout import TextColumn, lines, width_of
from reports.matrix.best import best_of, compared_at
from reports.matrix.cells import percent
from reports.matrix.cleaned import cleaned
from reports.matrix.names import short_name, shortest
from reports.matrix.rows import listed, notes, partly_refused, refused, rows_of
from reports.units import times

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from hwsim.records import Matrix
    from reports.layout import TextTable
    from reports.matrix.best import Best, Choice
    from reports.matrix.cells import Cell
    from reports.matrix.rows import Row

NAME: Final = 25
"""Most characters of a device's name."""
LEAST_NAME: Final = 14
MANY: Final = 24
"""Devices from which on those whose cells are alike share a line."""
NOTHING: Final = "-"


@dataclass(frozen=True, slots=True)
class Terminal:
    """Plain text; `page` is what a coloured console prints.

    Attributes:
        width: Characters of a line.
    """

    name: ClassVar[str] = "terminal"
    width: int = 80

    def render(self, matrix: Matrix) -> str:
        """Return the whole report, ending in a line break."""
        console = Console(file=io.StringIO(), width=self.width, color_system=None)
        with console.capture() as capture:
            console.print(page(matrix, self.width))
        return "".join(f"{line.rstrip()}\n" for line in capture.get().split("\n")[:-1])


def page(matrix: Matrix, width: int) -> Group:
    """Return the tables, sentences and footer, for `rich.console.Console.print`."""
    matrix = cleaned(matrix)
    shared = _shared(rows_of(matrix))
    base = "" if matrix.base_recipe == "none" else f", then {matrix.base_recipe}"
    over = f" with {', '.join(matrix.overrides)}" if matrix.overrides else ""
    parts: list[RenderableType] = [
        Text(f"{matrix.model}: pruned{base}{over}", style="bold"),
        Text(""),
        Text(
            f"Sparsity from which on it is at least {percent(LEAST_GAIN)} faster than dense",
            style="bold",
        ),
        *_heat(matrix, shared, width),
    ]
    alike = {row.device: others for row, others in shared if others}
    parts += _list("Alike", [_item(d, ", ".join(others)) for d, others in alike.items()])
    parts += _best_table(matrix, width)
    gaps = (*refused(matrix).items(), *partly_refused(matrix).items())
    parts += _list("Refused", [_item(listed(places), reason) for reason, places in gaps])
    parts += _list("Notes", [Text(note) for note in notes(matrix)])
    return Group(*parts, Text(f"hwsim {matrix.version}", style="dim"))


def _shared(rows: Sequence[Row]) -> list[tuple[Row, tuple[str, ...]]]:
    """Return one row of those that are alike, with the names of the others, if there are many."""
    found: dict[object, list[Row]] = {}
    for row in rows:
        texts = tuple(row.text(cell) for cell in row.cells)
        key = (row.device_class, row.is_calibrated, texts) if len(rows) > MANY else row.device
        found.setdefault(key, []).append(row)
    groups = sorted(found.values(), key=lambda group: rows.index(group[0]))
    return [(group[0], tuple(row.device for row in group[1:])) for group in groups]


def _heat(
    matrix: Matrix, shared: Sequence[tuple[Row, tuple[str, ...]]], width: int
) -> list[RenderableType]:
    """Return the cells; structures that do not fit beside each other go below."""
    if not shared:
        return []
    cells = {s: [row.cells[i] for row, _ in shared] for i, s in enumerate(matrix.structures)}
    columns = [
        TextColumn(s, short_name(s), tuple(row.text(row.cells[i]) for row, _ in shared))
        for i, s in enumerate(matrix.structures)
    ]
    room = width - width_of(tuple(columns)) - 1
    names = _names([(row.marked, len(others)) for row, others in shared], room)
    first = TextColumn("device", ("device",), names, is_number=False)
    classes = [row.device_class for row, _ in shared]
    heads = {i: c for i, c in enumerate(classes) if c and (i == 0 or c != classes[i - 1])}

    def style(column: TextColumn, row: int) -> str:
        return _style(cells[column.title][row]) if column.title in cells else ""

    parts: list[RenderableType] = []
    table: TextTable = (first,)
    for column in columns:
        if len(table) > 1 and width_of((*table, column)) > width:
            parts += [*lines(table, heads, style), Text("")]
            table = (first,)
        table = (*table, column)
    return [*parts, *lines(table, heads, style), Text("")]


def _names(marked: Iterable[tuple[str, int]], room: int) -> tuple[str, ...]:
    """Return the names in the room there is; how many share a line stands behind."""
    most = min(NAME, max(LEAST_NAME, room))
    more = [(name, f" +{others}" if others else "") for name, others in marked]
    return tuple(shorten(name, most - len(rest)) + rest for name, rest in more)


def _style(cell: Cell) -> str:
    if cell.kind == "pays":
        return "bold green" if cell.shade > 0.5 else "green" if cell.shade > 0.2 else "yellow"
    return {"slower": "red", "never": "dim", "refused": "dim"}.get(cell.kind, "")


def _best_table(matrix: Matrix, width: int) -> list[RenderableType]:
    """Return the best structures by device; of many devices, those that have a choice."""
    everything = best_of(matrix)
    shown = [b for b in everything if len(everything) <= MANY or b.zeros or b.equal]
    at = percent(compared_at(matrix))
    trust = {row.device: row.marked for row in rows_of(matrix)}
    columns = [
        *_choices([b.zeros for b in shown], "zeros", f"at {at}"),
        *_choices([b.removed for b in shown], "removed", f"at {at}"),
    ]
    if matrix.dense_accuracy is not None:
        columns += _equal(shown, f"loses <= {percent(matrix.tolerance)}")
    names = _names([(trust[b.device], 0) for b in shown], width - width_of(tuple(columns)) - 1)
    table = (TextColumn("device", ("device",), names, is_number=False), *columns)
    parts: list[RenderableType] = []
    if shown:
        parts = [
            Text("Best structure", style="bold"),
            *lines(table, {}, lambda _, __: ""),
            Text(""),
        ]
    return [*parts, *_without_zeros(matrix, [b for b in everything if b not in shown], at)]


def _without_zeros(matrix: Matrix, rest: Sequence[Best], at: str) -> list[RenderableType]:
    """Return what devices that are left out gain from removal, a line for each class."""
    by_class: dict[str, list[Best]] = {}
    for b in rest:
        by_class.setdefault(matrix.device_classes.get(b.device, ""), []).append(b)
    items: list[Text] = []
    for name, own in by_class.items():
        gains = sorted(b.removed.rung.speedup for b in own if b.removed is not None)
        text = f"{len(own)} more"
        if gains:
            spread = dict.fromkeys((times(gains[0]), times(gains[-1])))
            text += f", {len(gains)} gain {' to '.join(spread)} by removal at {at}"
        items.append(_item(name or "devices", text))
    return _list("No gain from zeros; --csv has every rung", items)


def _choices(choices: Sequence[Choice | None], title: str, at: str) -> list[TextColumn]:
    """Return the structure and its speed-up; a pattern says its own sparsity by its name."""
    if not any(choices):
        return []
    names = tuple(NOTHING if c is None else c.mark + shortest(c.ladder.structure) for c in choices)
    ratios = tuple("" if c is None else times(c.rung.speedup) for c in choices)
    return [
        TextColumn(title, (title, at), names, is_number=False),
        TextColumn(f"{title} by", ("speed-", "up"), ratios),
    ]


def _equal(shown: Sequence[Best], head: str) -> list[TextColumn]:
    names = tuple(
        NOTHING
        if b.equal is None
        else f"{b.equal.mark}{shortest(b.equal.ladder.structure)} {percent(b.equal.rung.sparsity)}"
        for b in shown
    )
    ratios = tuple("" if b.equal is None else times(b.equal.rung.speedup) for b in shown)
    return [
        TextColumn("equal", ("equal accuracy,", head), names, is_number=False),
        TextColumn("equal by", ("speed-", "up"), ratios),
    ]


def _list(title: str, items: Iterable[Text]) -> list[RenderableType]:
    padded = [Padding(item, (0, 0, 0, 2), expand=False) for item in items]
    return [Text(title, style="bold"), *padded, Text("")] if padded else []


def _item(place: str, text: str) -> Text:
    return Text.assemble((place, "bold"), f": {text}.")
