"""What is wrong with a sweep's YAML file, in the words of docs/sweep.md."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, cast

from hwsim.errors import RecipeError
from hwsim.sweeps.from_python import axis_given

if TYPE_CHECKING:
    from pydantic import ValidationError

# What the schema's library calls a mistake, in our words; {} stand for its limits.
_WORDS = {
    "list_type": "expected a list",
    "dict_type": "expected a mapping",
    "string_type": "expected a text",
    "int_type": "expected a whole number",
    "too_short": "expected at least one",
    "too_long": "expected at most {max_length}",
    "greater_than_equal": "expected {ge} or more",
    "less_than_equal": "expected at most {le}",
    "literal_error": "expected {expected}",
}
# Deeper places than points.0.KEY are of the schema, not of the file.
_DEPTHS = {"points": 3}


def check_shape(raw: object, known: Iterable[str]) -> None:
    """Refuse what is no sweep at all: unknown keys, another version, malformed axes.

    Args:
        raw: What the YAML file holds.
        known: The keys that it may have.

    Raises:
        RecipeError: See above; the message names the key.
    """
    known = tuple(known)
    if not isinstance(raw, dict):
        got = "nothing" if raw is None else repr(raw)
        raise RecipeError(
            f"file: expected a mapping with version, models and devices, got {got:.80}"
        )
    keys = cast("Mapping[object, object]", raw)
    for key in keys:
        if key not in known:
            near = get_close_matches(str(key), known, n=1)
            guess = f"did you mean {near[0]}? " if near else ""
            raise RecipeError(f"{key!s:.80}: there is no such key; {guess}keys: {', '.join(known)}")
    version = keys.get("version", "nothing")
    # True and 1.0 equal 1.
    if type(version) is not int or version != 1:
        raise RecipeError(f"version: expected 1, got {version!s:.80}; write version: 1")
    for section in ("set", "axes"):
        _check_axes(section, keys.get(section, {}))


def _check_axes(section: str, given: object) -> None:
    if not isinstance(given, dict):
        raise RecipeError(f"{section}: expected a mapping of axes by name, got {given!r:.80}")
    for name, values in cast("Mapping[object, object]", given).items():
        if not isinstance(name, str):
            raise RecipeError(f"{section}.{name!s:.80}: expected a text as name, got {name!r:.80}")
        try:
            if section == "set" and not isinstance(values, list):
                raise RecipeError(f"expected a list of values, got {values!r:.80}")
            axis_given(cast("object", values))
        except RecipeError as error:
            raise RecipeError(f"{section}.{name:.80}: {error}") from error


def told(error: ValidationError) -> str:
    """Return what the first mistake is, in one line."""
    problem = error.errors(include_url=False)[0]
    place = problem["loc"]
    depth = _DEPTHS.get(str(place[0]), 2) if place else 0
    key = ".".join(str(part) for part in place[:depth]) or "file"
    got = problem["input"]
    if problem["type"] == "missing":
        return f"{key}: expected a value, got nothing; write {key}: [...]"
    if isinstance(got, float) and not math.isfinite(got):
        return f"{key}: expected a finite number, got {got}"
    if len(place) > depth:
        return f"{key}: expected a number, a text, true or false, got {got!r:.80}"
    words = _WORDS.get(problem["type"], problem["msg"])
    return f"{key}: {words.format_map(problem.get('ctx', {}))}, got {got!r:.80}"
