"""Read a sweep's YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hwsim.cli.grid import Grid, grid_of
from hwsim.errors import RecipeError
from hwsim.profile import value_of
from hwsim.strict_yaml import read_yaml


class SweepFile(BaseModel):
    """The keys of the file.

    Attributes:
        version: Of this schema.
        models: Paths, or module:callable.
        recipes: Spec strings or paths; the first is the baseline.
        devices: Names or paths.
        set: Values to try for profile keys; every combination is one.
        data: Labelled samples.
        train_data: What recipes calibrate and train on.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    version: Literal[1]
    models: Annotated[list[str], Field(min_length=1)]
    recipes: Annotated[list[str], Field(min_length=1)] = ["none"]
    devices: Annotated[list[str], Field(min_length=1)]
    set: dict[str, Annotated[list[int | float | str | bool], Field(min_length=1)]] = {}
    data: str | None = None
    train_data: str | None = None


def read_sweep(file: Path) -> Grid:
    """Return the grid that the file asks for.

    Raises:
        RecipeError: The file is malformed.
        HwsimError: Something it names cannot be read.
    """
    try:
        raw: object = read_yaml(file.read_text(encoding="utf-8"))
        wanted = SweepFile.model_validate(raw)
    except FileNotFoundError:
        raise RecipeError(f"{file}: no such file") from None
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in problem["loc"]) or "file"
        known = ", ".join(SweepFile.model_fields)
        raise RecipeError(
            f"{file.name}: {key}: {problem['msg']}, got {problem['input']!r}; keys: {known}"
        ) from error
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        # ValueError: bytes that are no UTF-8 too.
        raise RecipeError(f"{file.name}: not readable as YAML ({error})") from error
    return Grid.read(
        [_beside(file, model) for model in wanted.models],
        [_beside(file, recipe) for recipe in wanted.recipes],
        [_beside(file, device) for device in wanted.devices],
        grid_of({key: [_value(key, v) for v in values] for key, values in wanted.set.items()}),
        None if wanted.data is None else file.parent / wanted.data,
        None if wanted.train_data is None else file.parent / wanted.train_data,
    )


def _beside(file: Path, name: str) -> str:
    """Return the path beside the sweep file where there is such a file, else the name itself."""
    path = file.parent / name
    return str(path) if path.is_file() else name


def _value(key: str, value: object) -> object:
    return value_of(key, value) if isinstance(value, str) else value
