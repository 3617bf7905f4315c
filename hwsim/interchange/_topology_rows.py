"""The rows of a table of layer shapes, each cell checked when it is read."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from hwsim.errors import InterchangeError
from hwsim.limits import TABLE_ROWS
from hwsim.ops._activation import BOUNDS

if TYPE_CHECKING:
    from pathlib import Path

    from hwsim.arrays import Shape
    from hwsim.kernels.patches import Padding, Pair
    from hwsim.ops._activation import Fused

COLUMNS = (
    "name",
    "op",
    "inputs",
    "height",
    "width",
    "channels",
    "kernel",
    "stride",
    "padding",
    "dilation",
    "groups",
    "activation",
    "shape",
    "axes",
    "keep_axes",
    "start",
    "stop",
    "sparsity",
    "dead_outputs",
    "dead_inputs",
    "bias",
    "bits",
)
# What a table may ask for: its weights are drawn, so a slip of the pen must not fill the memory.
_MAX_NUMBER = 1 << 20
_MAX_AXES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        where: `file: row 3 'conv1'`, for messages.
        cells: By column, empty ones left out.
        seed: Of its random weights.
    """

    where: str
    cells: dict[str, str]
    seed: int

    def text(self, column: str, default: str, allowed: tuple[str, ...]) -> str:
        """Return a word out of `allowed`."""
        value = self.cells.get(column, default)
        if value not in allowed:
            raise self.error(column, " or ".join(allowed))
        return value

    def number(self, column: str, default: int | None = None, least: int = 1) -> int:
        """Return an integer >= `least`."""
        value = self.cells.get(column, "" if default is None else str(default))
        parsed = _parse(value, least)
        if parsed is None:
            raise self.error(column, f"an integer {least}..{_MAX_NUMBER}")
        return parsed

    def pair(self, column: str, default: Pair | None = None, least: int = 1) -> Pair:
        """Return height and width: `3x5`, or `3` for both."""
        value = self.cells.get(column)
        if value is None and default is not None:
            return default
        parts = [_parse(part, least) for part in (value or "").split("x")]
        if len(parts) > 2 or None in parts:
            raise self.error(column, f"an integer {least}..{_MAX_NUMBER}, or two as 3x5")
        first, last = parts[0], parts[-1]
        assert first is not None
        assert last is not None
        return first, last

    def extents(self, column: str) -> Shape:
        """Return the extents of a tensor, batch included: `1x49x10`."""
        parts = [_parse(part, 1) for part in self.cells.get(column, "").split("x")]
        extents = tuple(part for part in parts if part is not None)
        if len(extents) < len(parts) or len(parts) > _MAX_AXES:
            raise self.error(column, f"1 to {_MAX_AXES} integers >= 1 as 1x49x10")
        return extents

    def axes(self, rank: int, default: tuple[int, ...]) -> tuple[int, ...]:
        """Return axes 0..rank - 1, batch included: `1;2`; negative ones count from the end."""
        value = self.cells.get("axes")
        if value is None:
            return tuple(axis % max(rank, 1) for axis in default)
        axes: list[int] = []
        for part in value.split(";"):
            axis = _parse(part.strip().removeprefix("-"), 0)
            axis = -axis if axis is not None and part.strip().startswith("-") else axis
            if axis is None or not -rank <= axis < rank:
                raise self.error("axes", f"axes of {rank} extents as 1;2")
            axes.append(axis % rank)
        return tuple(axes)

    def axis(self, rank: int, default: int) -> int:
        """Return the one axis of `axes`, 0..rank - 1."""
        axes = self.axes(rank, (default,))
        if len(axes) != 1:
            raise self.error("axes", "one axis")
        return axes[0]

    def explicit_padding(self) -> Padding | None:
        """Return ((top, bottom), (left, right)) of `1`, `0x3` or `top;bottom;left;right`, or None.

        None stands for what the words `same` and `valid`, and no cell, say.
        """
        value = self.cells.get("padding", "same")
        if value in {"same", "valid"}:
            return None
        parts = [_parse(part.strip(), 0) for part in value.split(";")]
        sides = [part for part in parts if part is not None]
        if len(parts) == len(sides) == 4:
            return (sides[0], sides[1]), (sides[2], sides[3])
        lengths = [_parse(part, 0) for part in value.split("x")]
        sides = [part for part in lengths if part is not None]
        if len(lengths) != len(sides) or len(sides) > 2:
            raise self.error("padding", "same or valid, 1, 0x3 or top;bottom;left;right")
        return (sides[0], sides[0]), (sides[-1], sides[-1])

    def share(self, column: str) -> float:
        """Return a share, 0 <= s < 1."""
        try:
            share = float(self.cells.get(column, "0"))
        except ValueError:
            share = -1.0
        if not 0 <= share < 1:
            raise self.error(column, "0 <= s < 1")
        return share

    @property
    def activation(self) -> Fused:
        """The clamp fused into the row's output."""
        return cast("Fused", self.text("activation", "none", tuple(BOUNDS)))

    @property
    def bits(self) -> int:
        """Width of a weight; 32 means float32."""
        return int(self.text("bits", "8", ("2", "4", "8", "32")))

    @property
    def is_float(self) -> bool:
        """Whether the layer works on reals."""
        return self.bits == 32

    def error(self, column: str, expected: str) -> InterchangeError:
        """Return the error that says what `column` should hold."""
        got = self.cells.get(column, "")
        return InterchangeError(f"{self.where}: {column}: expected {expected}, got {got!r}")


def _parse(text: str, least: int) -> int | None:
    """Return an integer least..2^20, or None."""
    is_short = text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_NUMBER))
    return int(text) if is_short and least <= int(text) <= _MAX_NUMBER else None


def read_cells(path: Path) -> list[dict[str, str]]:
    """Return the cells of each row by column, empty ones left out.

    Raises:
        InterchangeError: The file is no table, or names an unknown column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        raw = _json_rows(text) if path.suffix == ".json" else _csv_rows(text)
    except (ValueError, csv.Error, RecursionError) as error:
        # ValueError: bytes that are no UTF-8 too.
        problem = " ".join(str(error).split())
        raise InterchangeError(f"{path.name}: not a readable table ({problem})") from error
    if len(raw) > TABLE_ROWS:
        raise InterchangeError(f"{path.name}: expected at most {TABLE_ROWS} rows, got {len(raw)}")
    for row in raw:
        unknown = [str(column) for column in row if column not in COLUMNS]
        if unknown:
            raise InterchangeError(
                f"{path.name}: column {unknown[0]!r} is not known; known: {', '.join(COLUMNS)}"
            )
    return [
        {column: str(value).strip() for column, value in row.items() if value not in (None, "")}
        for row in raw
    ]


def _csv_rows(text: str) -> list[dict[str, Any]]:
    rows = list(csv.DictReader(io.StringIO(text, newline=""), restkey="beyond"))
    if any("beyond" in row for row in rows):
        raise ValueError("a row has more cells than there are columns")
    return rows


def _json_rows(text: str) -> list[dict[str, Any]]:
    raw: Any = json.loads(text)
    rows = cast("Any", raw.get("layers") if isinstance(raw, dict) else raw)  # pyright: ignore
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):  # pyright: ignore
        raise ValueError("expected a list of layers")
    return cast("list[dict[str, Any]]", rows)
