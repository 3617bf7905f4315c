"""The rows of a table of layer shapes, each cell checked when it is read."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from hwsim.errors import InterchangeError
from hwsim.formats import Bitmask, Dense
from hwsim.numerics import Quant
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from pathlib import Path

    from hwsim.arrays import Shape

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
    "groups",
    "activation",
    "sparsity",
    "bits",
)
# What a table may ask for: its weights are drawn, so a slip of the pen must not fill the memory.
_MAX_NUMBER = 1 << 20
_MAX_WEIGHTS = 1 << 28


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
            raise InterchangeError(
                f"{self.where}: {column}: expected {' or '.join(allowed)}, got {value!r}"
            )
        return value

    def number(self, column: str, default: int | None = None) -> int:
        """Return an integer >= 1."""
        value = self.cells.get(column, "" if default is None else str(default))
        is_short = value.isascii() and value.isdigit() and len(value) <= len(str(_MAX_NUMBER))
        if not is_short or not 1 <= int(value) <= _MAX_NUMBER:
            raise InterchangeError(
                f"{self.where}: {column}: expected an integer 1..{_MAX_NUMBER}, got {value!r}"
            )
        return int(value)

    def sparsity(self) -> float:
        """Return a share of zeros, 0 <= s < 1."""
        value = self.cells.get("sparsity", "0")
        try:
            share = float(value)
        except ValueError:
            share = -1.0
        if not 0 <= share < 1:
            raise InterchangeError(f"{self.where}: sparsity: expected 0 <= s < 1, got {value!r}")
        return share

    def weight(self, shape: Shape) -> Weight:
        """Return random weights of `shape` with the row's bits; sparse ones lie as bitmasks."""
        if math.prod(shape) > _MAX_WEIGHTS:
            raise InterchangeError(
                f"{self.where}: weights {list(shape)} are more than {_MAX_WEIGHTS} numbers"
            )
        rng = np.random.default_rng(self.seed)
        real = rng.normal(size=shape)
        zeros = round(self.sparsity() * real.size)
        real.reshape(-1)[rng.permutation(real.size)[:zeros]] = 0.0
        format_ = Bitmask() if zeros else Dense()
        if self.is_float:
            return Weight(codes=real.astype(np.float32), format=format_)
        bits = self.bits
        quant = Quant(
            scale=(float(np.abs(real).max() or 1.0) / ((1 << (bits - 1)) - 1),), bits=bits
        )
        codes = quant.encode(real)
        # A small weight must not round to a zero that nobody asked for.
        codes[(codes == 0) & (real != 0)] = 1
        return Weight(codes=codes, quant=quant, format=format_)

    @property
    def bits(self) -> int:
        """Width of a weight."""
        return int(self.text("bits", "8", ("2", "4", "8", "32")))

    @property
    def is_float(self) -> bool:
        """Whether the layer works on reals."""
        return self.bits == 32


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
