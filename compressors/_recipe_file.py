"""Read recipe files: YAML of version 1, every scalar taken as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

import yaml

from hwsim.errors import RecipeError
from hwsim.strict_yaml import Moderate, load_yaml

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    from compressors._spec import RawStep

_VERSION = "1"
_KEYS = ("version", "name", "steps")


class _TextLoader(Moderate, yaml.BaseLoader):
    """Reads scalars as text, so that 480e6 and 2:4 mean what they say; refuses repeated keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping = yaml.BaseLoader.construct_mapping(self, node, deep)
        if len(mapping) != len(node.value):
            keys = [str(key.value) for key, _ in node.value]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise RecipeError(f"line {node.start_mark.line + 1}: {twice!r} is set twice")
        return mapping


def read_file(path: Path) -> tuple[str, list[RawStep]]:
    """Return the name ("" if there is none) and the unchecked steps of the recipe at `path`.

    Raises:
        RecipeError: The file is missing, no YAML, or no recipe of version 1.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path}: expected a recipe file, got {error}") from error
    return read_text(text, path.name)


def read_text(text: str, where: str) -> tuple[str, list[RawStep]]:
    """Return name and steps of the YAML `text`; `where` begins every message.

    Raises:
        RecipeError: As `read_file`.
    """
    content = _loaded(text, where)
    if not _is_mapping(content):
        raise RecipeError(f"{where}: expected the keys {', '.join(_KEYS)}, got {_shown(content)}")
    for key in content:
        if key not in _KEYS:
            raise RecipeError(f"{where}: unknown key {key!r}; known: {', '.join(_KEYS)}")
    if content.get("version") != _VERSION:
        raise RecipeError(
            f"{where}: version: expected {_VERSION}, got {_shown(content.get('version'))}"
        )
    name = content.get("name", "")
    if not isinstance(name, str) or not name.isprintable():
        raise RecipeError(f"{where}: name: expected text of one line, got {_shown(name)}")
    steps = content.get("steps")
    if not _is_list(steps) or not steps:
        raise RecipeError(f"{where}: steps: expected a list of steps, got {_shown(steps)}")
    return name, [_step(entry, f"{where}: steps[{i}]") for i, entry in enumerate(steps)]


def _loaded(text: str, where: str) -> object:
    try:
        return load_yaml(text, _TextLoader)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from error
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise RecipeError(f"{where}: expected YAML, got a damaged file ({reason})") from error


def _step(entry: object, where: str) -> RawStep:
    """Return one list entry: a name, or a mapping of one name to its settings."""
    if isinstance(entry, str):
        return entry, {}
    if not _is_mapping(entry) or len(entry) != 1:
        raise RecipeError(f"{where}: expected step: {{setting: value}}, got {_shown(entry)}")
    ((name, settings),) = entry.items()
    if settings == "":
        return name, {}
    if not _is_mapping(settings):
        raise RecipeError(f"{where}: {name}: expected {{setting: value}}, got {_shown(settings)}")
    texts: dict[str, str] = {}
    for key, value in settings.items():
        if not isinstance(value, str):
            raise RecipeError(f"{where}: {name}.{key}: expected one value, got {_shown(value)}")
        texts[key] = value
    return name, texts


def _is_mapping(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)  # pyright: ignore[reportUnknownVariableType]


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _shown(value: object) -> str:
    """Return `value` on one short line."""
    if value is None or value == "":
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
