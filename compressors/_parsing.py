"""Make recipes of text: names become compressors, texts become checked settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from compressors._recipe_file import read_file
from compressors._spec import read_spec
from compressors.recipe import Recipe
from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails

    from compressors._compressor import Compressor
    from compressors._spec import RawStep

_FILE_ENDINGS = (".yaml", ".yml")
_BOUNDS = {
    "greater_than": "> {gt:g}",
    "greater_than_equal": ">= {ge:g}",
    "less_than": "< {lt:g}",
    "less_than_equal": "<= {le:g}",
    "literal_error": "{expected}",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of moderate size",
    "int_type": "a whole number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
}


def read_recipe(spec_or_path: str | Path, known: Sequence[type[Compressor]]) -> Recipe:
    """Return the recipe that a spec string or a YAML file (.yaml, .yml) describes.

    Args:
        spec_or_path: A path, or a spec string.
        known: All compressors.

    Raises:
        RecipeError: An unknown step or setting, one out of range, or text of another shape.
    """
    _check_type(spec_or_path)
    if isinstance(spec_or_path, Path) or spec_or_path.strip().lower().endswith(_FILE_ENDINGS):
        path = Path(spec_or_path)
        label, raw = read_file(path)
        where = path.name
    else:
        label, raw, where = "", read_spec(spec_or_path), "recipe"
    return Recipe(steps=tuple(_step(where, step, known) for step in raw), label=label)


def _check_type(given: object) -> None:
    if not isinstance(given, (str, Path)):
        raise RecipeError(
            f"recipe: expected a spec string or a path, got {type(given).__name__}; "
            "'none' leaves a model as it is"
        )


def _step(where: str, raw: RawStep, known: Sequence[type[Compressor]]) -> Compressor:
    """Return the compressor of one step.

    Raises:
        RecipeError: There is none of that name, or its settings are wrong.
    """
    name, texts = raw
    for compressor in known:
        if compressor.name == name:
            break
    else:
        names = ", ".join(sorted(compressor.name for compressor in known))
        raise RecipeError(f"{where}: no step {name!r}; known: {names}")
    settings = compressor.model_fields
    for key in texts:
        if key not in settings:
            names = ", ".join(settings) or "none at all"
            raise RecipeError(f"{where}: {name} has no setting {key!r}; known: {names}")
    try:
        return compressor.model_validate_strings(texts)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        raise RecipeError(f"{where}: {_explained(name, details)}") from error


def _explained(name: str, details: ErrorDetails) -> str:
    """Return one line: which setting, expected, got."""
    key = ".".join(str(part) for part in (name, *details["loc"][:1]))
    context = details.get("ctx", {})
    if details["type"] == "missing":
        return f"{key}: expected a value, got none; give {name}{{{details['loc'][0]}=...}}"
    if details["type"] == "value_error":
        return f"{key}: {context['error']}"
    expected = _BOUNDS.get(details["type"])
    got = repr(details["input"])
    got = got if len(got) <= 60 else f"{got[:57]}..."
    if expected is None:
        return f"{key}: {details['msg']}, got {got}"
    return f"{key}: expected {expected.format(**context)}, got {got}"
