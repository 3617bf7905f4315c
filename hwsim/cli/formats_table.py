"""Tables of storage formats for people: what they hold, when they pay, what a model takes."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.text import Text

from hwsim.formats import FORMATS, Dense
from hwsim.formats.break_even import break_even_table, structured_table
from hwsim.formats.describe import describe
from reports.labels import shorten
from reports.layout import TextColumn, TextTable, lines, width_of
from reports.units import BYTES, with_unit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rich.console import RenderableType

    from hwsim.cli.formats_sizes import Sizes
    from reports.units import Unit

# Characters of a layer's name, whatever the width.
_NAME: Final = 20
_DENSE: Final = Dense().name
_MARK: Final = "*"
_KIB, _BYTE = BYTES[-2:]
# From here on single bytes are too wide to read.
_LARGE_BYTES: Final = 1 << 20
_TITLE: Final = "Smaller than dense from which share of zeros on"
_WHOLE: Final = {"blocks": "the same, pruned by whole blocks"}
_NOTES: Final = """\
Of normally distributed weights [128, 128], the smallest pruned first. always:
with no zeros, too. n:m holds only what is pruned to its pattern, in as many
bytes whatever stays.
Any n:m up to 256, bsrRxC up to 256x256 and rle1 to rle16 are formats too.
hwsim formats MODEL shows what layers take; encode{format=F} chooses one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatRow:
    """One format.

    Attributes:
        name: As recipes and profiles spell it.
        holds: What it consists of.
        of: What may stay: `weights`, `blocks` or `groups`; empty where no pruning decides.
        int8: Share of them that may stay: below it, it takes fewer bytes than dense.
        float32: Likewise.
    """

    name: str
    holds: str
    of: str = ""
    int8: float | None = None
    float32: float | None = None

    def record(self) -> dict[str, object]:
        """Return it for a file of JSON."""
        return asdict(self)


def formats_rows() -> list[FormatRow]:
    """Return a row per format, two for one that pays otherwise where blocks are pruned whole."""
    weights = {name: (int8, float32) for name, int8, float32 in break_even_table()}
    units = {name: (of, int8, float32) for name, of, int8, float32 in structured_table()}
    rows: list[FormatRow] = []
    for format_ in FORMATS:
        name, holds = format_.name, describe(format_)
        shares = [("weights", *weights[name])] if name in weights else []
        shares += [units[name]] if name in units else []
        if name == _DENSE or not shares:
            rows.append(FormatRow(name=name, holds=holds))
            continue
        rows += [
            FormatRow(name=name, holds=holds, of=of, int8=int8, float32=float32)
            for of, int8, float32 in shares
        ]
    return rows


def formats_page(rows: list[FormatRow]) -> RenderableType:
    """Return the table of all formats."""
    columns = (
        _text("format", [row.name for row in rows]),
        _text("holds", [_WHOLE.get(row.of, row.holds) for row in rows]),
        TextColumn("int8", ("int8",), tuple(_zeros(row.int8) for row in rows)),
        TextColumn("float32", ("float32",), tuple(_zeros(row.float32) for row in rows)),
    )
    title = Text(_TITLE, style="bold")
    return Group(title, *lines(columns, {}, _plain), Text(""), Text(_NOTES))


def _text(title: str, cells: list[str]) -> TextColumn:
    return TextColumn(title, (title,), tuple(cells), is_number=False)


def _zeros(kept: float | None) -> str:
    """Return the least share of zeros, where at most the share `kept` may stay, rounded up."""
    if kept is None:
        return "-"
    if kept in (0.0, 1.0):
        return "always" if kept else "never"
    # 1 - 0.94 is a little more than 0.06.
    return f"{math.ceil(100 * (1 - kept) - 1e-9)} %"


def _plain(column: TextColumn, row: int) -> str:
    del column, row
    return ""


def sizes_page(sizes: Sizes, width: int, asked: Collection[str] = ()) -> RenderableType:
    """Return a row per layer and a column per format, the smallest of each row marked.

    Formats that do not fit beside each other go below, those of the fewest bytes first; what is
    smaller than dense in no layer is named alone.

    Args:
        sizes: To be shown.
        width: Characters of a line.
        asked: Formats that are shown wherever a layer takes them.
    """
    unit = _BYTE if (sizes.total(_DENSE) or 0) < _LARGE_BYTES else _KIB
    first = _first_columns(sizes)
    parts: list[RenderableType] = [
        Text(f"{sizes.model}: bytes of weights [{unit.symbol}]", style="bold"),
        Text(""),
    ]
    table: TextTable = first
    for name in sorted(_shown(sizes, asked), key=lambda name: _order(sizes, name)):
        column = _format_column(sizes, name, unit)
        if len(table) > len(first) and width_of((*table, column)) > width:
            parts += [*lines(table, {}, _marked), Text("")]
            table = first
        table = (*table, column)
    parts += [*lines(table, {}, _marked), Text("")]
    return Group(*parts, *map(Text, _remarks(sizes, asked)))


def _shown(sizes: Sizes, asked: Collection[str]) -> list[str]:
    """Return dense, the formats that are smaller in some layer, what layers have, what is asked."""
    own = {*asked, *(layer.stored_as for layer in sizes.layers)} & {*sizes.taken}
    own.add(_DENSE)
    return [name for name in sizes.formats if name in own or any(_gains(sizes, name))]


def _gains(sizes: Sizes, name: str) -> Iterator[bool]:
    for layer in sizes.layers:
        size, dense = layer.bytes_in[name], layer.bytes_in[_DENSE]
        yield size is not None and (dense is None or size < dense)


def _order(sizes: Sizes, name: str) -> tuple[bool, bool, int]:
    """Return what formats are sorted by: dense, then those of all layers, the smallest first."""
    total = sizes.total(name)
    return name != _DENSE, total is None, total or 0


def _first_columns(sizes: Sizes) -> TextTable:
    names = [shorten(layer.name, _NAME) for layer in sizes.layers]
    zeros = [_percent(layer.weights - layer.nonzeros, layer.weights) for layer in sizes.layers]
    weights = sum(layer.weights for layer in sizes.layers)
    nonzeros = sum(layer.nonzeros for layer in sizes.layers)
    bits = [str(layer.bits) for layer in sizes.layers]
    return (
        _text("layer", [*names, "all"]),
        TextColumn("bits", ("bits",), (*bits, "")),
        TextColumn("zeros", ("zeros", "[%]"), (*zeros, _percent(weights - nonzeros, weights))),
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}"


def _format_column(sizes: Sizes, name: str, unit: Unit) -> TextColumn:
    cells = [
        _cell(layer.bytes_in[name], layer.bytes_in[layer.smallest], unit) for layer in sizes.layers
    ]
    totals = [size for each in sizes.formats if (size := sizes.total(each)) is not None]
    last = _cell(sizes.total(name), min(totals, default=None), unit)
    # Stars stand apart, so that figures end below each other and below their header.
    header = tuple(f"{word} " for word in name.replace("_", "_ ").split(" "))
    return TextColumn(name, header, (*cells, last))


def _cell(size: int | None, smallest: int | None, unit: Unit) -> str:
    if size is None:
        return "- "
    text = f"{size:,}" if unit.base == 1 else unit.text(size)
    return text + (_MARK if size == smallest else " ")


def _marked(column: TextColumn, row: int) -> str:
    return "bold green" if column.cells[row].endswith(_MARK) else ""


def _remarks(sizes: Sizes, asked: Collection[str]) -> Iterator[str]:
    dense, fewest = sizes.total(_DENSE), sizes.smallest_bytes
    yield f"{_MARK} fewest bytes.  - the format does not take these weights."
    share = f", {100 * fewest / dense:.0f} % of dense" if dense else ""
    known = {format_.name for format_ in FORMATS}
    is_encoded = all(layer.smallest in {*known, layer.stored_as} for layer in sizes.layers)
    how = "; the step encode does that" if is_encoded else ""
    yield f"Each layer in its smallest: {with_unit(fewest, BYTES)}{share}{how}."
    shown = {*_shown(sizes, asked)}
    larger = [name for name in sizes.taken if name not in shown]
    if larger:
        yield f"Smaller than dense in no layer: {', '.join(larger)}."
    useless = [name for name in sizes.formats if name not in {*sizes.taken, *shown}]
    if useless:
        yield f"Take no layer as it is: {', '.join(useless)}."
