"""Read a sweep's YAML file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from compressors import parse
from hwsim.cli.sweep_mistakes import check_shape, told
from hwsim.data import load_data
from hwsim.errors import ProfileError, RecipeError
from hwsim.interchange import load
from hwsim.interchange.files import is_callable_path
from hwsim.profile import find_profile, value_of
from hwsim.strict_yaml import number, read_yaml
from hwsim.sweeps.axes import MOST_POINTS, Axis, is_key
from hwsim.sweeps.from_python import axes_given
from hwsim.sweeps.sampling import Sampling, axes_of_list
from hwsim.sweeps.spec import SweepSpec
from hwsim.sweeps.templates import Template

Value: TypeAlias = int | float | str | bool
_Values: TypeAlias = Annotated[list[Value], Field(min_length=1, max_length=MOST_POINTS)]


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, populate_by_name=True
    )


class RangeFile(_Section):
    """An axis from one number to another, both included.

    Attributes:
        low: First value.
        high: Last value, larger.
        steps: How many values; without it the axis is drawn from, by random or latin_hypercube.
        scale: Whether steps are equal differences or equal factors.
        whole: Whether values are rounded to whole numbers.
    """

    low: Annotated[int | float, Field(alias="from")]
    high: Annotated[int | float, Field(alias="to")]
    steps: Annotated[int, Field(ge=2, le=MOST_POINTS)] | None = None
    scale: Literal["linear", "log"] = "linear"
    whole: bool = False


class SweepFile(_Section):
    """The keys of the file.

    Attributes:
        version: Of this schema.
        models: Paths; --model adds others.
        recipes: Spec strings or paths; `{name}` in a string stands for the value of an axis. The
            first is the baseline.
        devices: Names or paths.
        axes: Lists of values, or ranges, by name: a dotted key of profiles, a factor such as
            scale.clock, `batch`, or a parameter of recipes.
        set: The same as axes of profile keys.
        sampling: Which combinations of the values are tried: all of them, some that are drawn, or
            those that `points` lists.
        samples: How many are drawn.
        seed: Of the draws.
        points: Combinations, each a value of every axis, for sampling list.
        where: Conditions that points must meet, such as `scale.clock * 2 <= 4`.
        repeats: How often recipes that draw are applied, with seeds from 0 on.
        data: Labelled samples.
        train_data: What recipes calibrate and train on.
    """

    version: Literal[1]
    models: list[str] = []
    recipes: Annotated[list[str], Field(min_length=1)] = ["none"]
    devices: Annotated[list[str], Field(min_length=1)]
    axes: dict[str, _Values | RangeFile] = {}
    set: dict[str, _Values] = {}
    sampling: Literal["grid", "random", "latin_hypercube", "list"] = "grid"
    samples: Annotated[int, Field(ge=1, le=MOST_POINTS)] | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    points: Annotated[list[dict[str, Value]], Field(max_length=MOST_POINTS)] = []
    where: list[str] = []
    repeats: Annotated[int, Field(ge=1)] = 1
    data: str | None = None
    train_data: str | None = None


def read_sweep(
    file: Path,
    models: list[str],
    *,
    before: Callable[[tuple[Path, ...]], None] = lambda files: None,
) -> SweepSpec:
    """Return the sweep that the file asks for.

    Args:
        file: YAML; paths in it are relative to it. It names no code: callables come by `models`.
        models: Beside those of the file: paths, or module:callable.
        before: Told which files are named, before models and data are read.

    Raises:
        RecipeError: The file is malformed.
        HwsimError: Something it names cannot be read.
    """
    text, wanted = _read(file)
    _check_models(file, wanted, models)
    before(_named(file, wanted, models))
    try:
        # Cheap checks first: a mistyped device should not wait for a model.
        for device in wanted.devices:
            find_profile(_beside(file, device))
        axes = _axes(wanted)
        sampling = _sampling(wanted)
        templates = tuple(Template.of(_beside(file, recipe), parse) for recipe in wanted.recipes)
    except RecipeError as error:
        raise RecipeError(f"{file.name}: {error}") from error
    data = None if wanted.data is None else load_data(file.parent / wanted.data)
    training = None if wanted.train_data is None else load_data(file.parent / wanted.train_data)
    return SweepSpec(
        graphs=tuple(
            load(model) for model in (*(_beside(file, m) for m in wanted.models), *models)
        ),
        templates=templates,
        devices=tuple(_beside(file, device) for device in wanted.devices),
        axes=axes,
        sampling=sampling,
        where=tuple(wanted.where),
        repeats=wanted.repeats,
        data=data,
        training_data=training,
        text=text,
    )


def _read(file: Path) -> tuple[str, SweepFile]:
    try:
        text = file.read_text(encoding="utf-8")
        raw: object = read_yaml(text)
    except FileNotFoundError:
        raise RecipeError(f"{file}: no such file") from None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        # ValueError: bytes that are no UTF-8 too.
        raise RecipeError(f"{file.name}: not readable as YAML ({error})") from error
    try:
        check_shape(raw, SweepFile.model_fields)
        return text, SweepFile.model_validate(raw)
    except RecipeError as error:
        raise RecipeError(f"{file.name}: {error}") from error
    except ValidationError as error:
        raise RecipeError(f"{file.name}: {told(error)}") from error


def _named(file: Path, wanted: SweepFile, models: list[str]) -> tuple[Path, ...]:
    """Return the files that the sweep is made of."""
    beside = (*wanted.models, *wanted.recipes, *wanted.devices)
    data = (wanted.data, wanted.train_data)
    names = (*(_beside(file, name) for name in beside), *models)
    paths = (*map(Path, names), *(file.parent / each for each in data if each is not None))
    return (file, *(path for path in paths if _is_file(path)))


def _check_models(file: Path, wanted: SweepFile, models: list[str]) -> None:
    for model in wanted.models:
        if is_callable_path(model) and not _is_file(file.parent / model):
            raise RecipeError(
                f"{file.name}: models: expected paths, got {model!r}: a file runs no code; give it "
                f"on the command line, as --model {model}"
            )
    if not wanted.models and not models:
        raise RecipeError(
            f"{file.name}: models: expected at least one path, got none; or give --model"
        )


def _axes(wanted: SweepFile) -> dict[str, Axis]:
    both = wanted.set.keys() & wanted.axes.keys()
    if both:
        raise RecipeError(f"axis {min(both)!r} stands in set and in axes; drop one of them")
    for key in wanted.set:
        if not is_key(key):
            raise ProfileError(
                f"set.{key}: expected a dotted key of profiles, such as hardware.clock_hz; other "
                "axes stand under axes"
            )
    return axes_given(
        {
            name: [_value(name, value) for value in given]
            if isinstance(given, list)
            else given.model_dump(by_alias=True)
            for name, given in {**wanted.set, **wanted.axes}.items()
        }
    )


def _sampling(wanted: SweepFile) -> Sampling:
    points: list[dict[str, Value]] = [
        {k: _value(k, v) for k, v in point.items()} for point in wanted.points
    ]
    if points and (wanted.axes or wanted.set):
        raise RecipeError("points: expected no axes beside them, as they give all values")
    axes_of_list(points)
    return Sampling(
        kind=wanted.sampling,
        samples=wanted.samples,
        seed=wanted.seed,
        points=points,
    )


def _beside(file: Path, name: str) -> str:
    """Return the path beside the sweep file where there is such a file, else the name itself."""
    path = file.parent / name
    return str(path) if _is_file(path) else name


def _is_file(path: Path) -> bool:
    """Return whether there is such a file; a name may be too long for one."""
    try:
        return path.is_file()
    except OSError:
        return False


def _value(key: str, value: Value) -> Value:
    if not isinstance(value, str):
        return value
    # YAML leaves 480e6 a text; null and lists in quotes stay what they are.
    meant = value_of(key, value) if is_key(key) else number(value)
    return meant if isinstance(meant, (int, float, str, bool)) else value
