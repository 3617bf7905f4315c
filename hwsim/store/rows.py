"""Points as rows with a column per field, and results as packed records."""

from __future__ import annotations

import json
import zlib
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from hwsim.errors import InterchangeError
from hwsim.records import Point, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

COLUMNS = tuple(field.name for field in fields(Point))
"""Of the table of points, in the order of `Point`."""

# Made once: json.dumps makes one for each call that asks for this.
_to_json = json.JSONEncoder(ensure_ascii=False).encode

_SQL_TYPES: dict[object, str] = {str: "TEXT", int: "INTEGER", float: "REAL", bool: "INTEGER"}

# By column: its type, without None, and whether None may stand there.
_KINDS: dict[str, tuple[object, bool]] = {
    name: (get_args(hint)[0], True) if type(None) in get_args(hint) else (hint, False)
    for name, hint in get_type_hints(Point).items()
}


def definitions() -> str:
    """Return the columns of the table of points as SQL defines them.

    What is neither a number nor a text lies in a text, as JSON.
    """
    return ", ".join(
        f"{name} {_SQL_TYPES.get(kind, 'TEXT')}{'' if is_optional else ' NOT NULL'}"
        for name, (kind, is_optional) in _KINDS.items()
    )


def row_of(point: Point) -> tuple[object, ...]:
    """Return the values of a point's columns."""
    return tuple(
        value if kind in _SQL_TYPES or value is None else _to_json(value)
        for value, (kind, _) in ((getattr(point, name), kind) for name, kind in _KINDS.items())
    )


def reader_of(columns: Sequence[str]) -> Callable[[Sequence[object]], Point]:
    """Return what makes a point of a row with these columns; the others are left at defaults."""
    # Bound once: a store may have a million rows.
    decoded = [(name, _decoder(name)) for name in columns]

    def point_of(row: Sequence[object]) -> Point:
        values = {
            name: value if decode is None or value is None else decode(value)
            for (name, decode), value in zip(decoded, row, strict=True)
        }
        return Point(**values)  # pyright: ignore[reportArgumentType]

    return point_of


def _decoder(name: str) -> Callable[[Any], object] | None:
    kind = _KINDS[name][0]
    if kind is bool:
        return bool
    if kind in _SQL_TYPES:
        return None
    return _texts if name == "overrides" else json.loads


def _texts(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def packed(result: Result) -> bytes:
    """Return a result, its details included, as compressed JSON."""
    return zlib.compress(to_json(result, inf_nan_mode="constants"))


def unpacked(record: bytes, path: Path) -> Result:
    """Return what was `packed`.

    Raises:
        InterchangeError: It is damaged, or another version of hwsim wrote it.
    """
    try:
        return _results().validate_json(zlib.decompress(record))
    except (zlib.error, ValidationError, TypeError) as error:
        raise InterchangeError(
            f"{path}: a result is damaged or of another version of hwsim; "
            "give another path and run the sweep again"
        ) from error


@cache
def _results() -> TypeAdapter[Result]:
    return TypeAdapter(Result)
