"""Points as rows with a column per field, and results as packed records."""

from __future__ import annotations

import json
import zlib
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

from pydantic import TypeAdapter
from pydantic_core import to_json

from hwsim.errors import InterchangeError
from hwsim.limits import expanded
from hwsim.records import Point, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

COLUMNS = tuple(field.name for field in fields(Point))
"""Of the table of points, in the order of `Point`."""

# Made once: json.dumps makes one for each call that asks for this.
_to_json = json.JSONEncoder(ensure_ascii=False).encode

_SQL_TYPES: dict[object, str] = {str: "TEXT", int: "INTEGER", float: "REAL", bool: "INTEGER"}

# By SQL's type of a column: what SQLite may hold in it where nothing is damaged.
_STORED = {"TEXT": ("text",), "INTEGER": ("integer",), "REAL": ("real", "integer")}

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
    return _texts if name == "overrides" else _mapping


def _texts(text: str) -> tuple[str, ...]:
    values: object = json.loads(text)
    if not isinstance(values, list):
        raise TypeError("expected a list of texts")
    texts = tuple(cast("list[object]", values))
    if not all(isinstance(value, str) for value in texts):
        raise TypeError("expected texts")
    return cast("tuple[str, ...]", texts)


def _mapping(text: str) -> object:
    values: object = json.loads(text)
    if not isinstance(values, dict):
        raise TypeError("expected a mapping of values by axis")
    mapping = cast("dict[str, object]", values)
    if not all(isinstance(value, int | float | str) for value in mapping.values()):
        raise TypeError("expected a number or a text on each axis")
    return mapping


def misfit(columns: Sequence[str]) -> str:
    """Return the condition in SQL on which a row holds values of other types than its columns."""
    parts = ["0"]
    for name in columns:
        kind, is_optional = _KINDS[name]
        allowed = _STORED.get(_SQL_TYPES.get(kind, "TEXT"), ()) + ("null",) * is_optional
        parts.append(f"typeof({name}) NOT IN ({', '.join(map(repr, allowed))})")
    return " OR ".join(parts)


def packed(result: Result) -> bytes:
    """Return a result, its details included, as compressed JSON."""
    return zlib.compress(to_json(result, inf_nan_mode="constants"))


def unpacked(record: bytes, path: Path) -> Result:
    """Return what was `packed`.

    Raises:
        InterchangeError: It is damaged, or another version of hwsim wrote it.
    """
    try:
        inflater = zlib.decompressobj()
        text = inflater.decompress(record, expanded(len(record)))
        if not inflater.eof:
            raise ValueError("it is cut, or inflates to too much")
        return _results().validate_json(text)
    except (zlib.error, ValueError, TypeError) as error:
        raise InterchangeError(
            f"{path}: a result is damaged or of another version of hwsim; "
            "give another path and run the sweep again"
        ) from error


@cache
def _results() -> TypeAdapter[Result]:
    return TypeAdapter(Result)
