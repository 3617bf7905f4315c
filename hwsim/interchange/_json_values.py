"""Values of a JSON tree, checked for their types."""

from __future__ import annotations

from typing import Any, TypeAlias, cast

Tree: TypeAlias = dict[str, Any]
"""A JSON object whose values are checked where they are read."""


def integers(values: object) -> tuple[int, ...]:
    """Return a list of integers; anything else is a TypeError."""
    if not isinstance(values, list) or not all(
        type(v) is int for v in cast("list[object]", values)
    ):
        raise TypeError(f"expected a list of integers, got {values!r}")
    return tuple(cast("list[int]", values))


def text(value: object) -> str:
    """Return text; anything else is a TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value


def texts(values: object) -> tuple[str, ...]:
    """Return a list of texts; anything else is a TypeError."""
    if not isinstance(values, list):
        raise TypeError(f"expected a list of names, got {values!r}")
    return tuple(text(value) for value in cast("list[object]", values))
