"""Read a search space's YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, cast

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from compressors import Recipe, parse
from compressors.finetune import Finetune
from hwsim.errors import RecipeError
from hwsim.search.constraints import read_constraints, tightest
from hwsim.search.space import Choice, Space, Value
from hwsim.strict_yaml import read_yaml
from hwsim.sweeps.templates import filled, parameters_of

# More values than anyone would try; a mistyped step would make millions.
_MOST_VALUES = 1000
_AXIS_NAME = r"^[A-Za-z_]\w*$"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class AxisFile(_Section):
    """The values of one axis: `choices`, or whole steps from `low` to `high`, both included.

    Attributes:
        choices: In ascending order where near values should teach about each other.
        low: First value.
        high: Last value, where the steps meet it.
        step: > 0.
    """

    choices: Annotated[list[int | float | str | bool], Field(min_length=1)] | None = None
    low: int | float | None = None
    high: int | float | None = None
    step: Annotated[int | float, Field(gt=0)] = 1

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if (self.choices is None) == (self.low is None) or (self.low is None) != (
            self.high is None
        ):
            raise ValueError("expected either choices, or low and high")
        if self.low is not None and self.high is not None:
            if self.high < self.low:
                raise ValueError("expected low <= high")
            if (self.high - self.low) / self.step >= _MOST_VALUES:
                raise ValueError(f"expected at most {_MOST_VALUES} values")
        return self

    @property
    def values(self) -> tuple[Value, ...]:
        """All values."""
        if self.choices is not None:
            return tuple(self.choices)
        low, high, step = self.low or 0, self.high or 0, self.step
        # The small share keeps rounding from losing the last step: (0.9 - 0.0) / 0.3 < 3.
        count = int((high - low) / step + 1e-9) + 1
        return tuple(
            value if isinstance(value, int) else float(f"{value:.12g}")
            for value in (low + i * step for i in range(count))
        )


class SupernetFile(Finetune):
    """How our own supernet is made and trained; without a key of its own, as `finetune` trains.

    Attributes:
        strides: Of the first block of each stage; as many as there are stages.
        layout: Where images have their channels.
        drawn: Networks that learn from each batch beside the largest and the smallest.
        shift: Images are moved by up to so many pixels in training.
        calibration_samples: Training inputs that give each network its statistics.
        finetune: How the networks of the front are trained on; they stay as they are without it.
    """

    strides: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
    layout: Literal["channels_last", "channels_first"] = "channels_last"
    drawn: int = Field(default=2, ge=0)
    shift: int = Field(default=0, ge=0)
    calibration_samples: int = Field(default=512, ge=1)
    finetune: Finetune | None = None


def _limits(given: object) -> object:
    """Return texts as numbers by figure; what is no text as it is."""
    raw = cast("list[object]", given if isinstance(given, list) else [given])
    texts = [text for text in raw if isinstance(text, str)]
    if len(texts) < len(raw):
        return cast("object", given)
    try:
        return tightest(map(read_constraints, texts))
    except RecipeError as error:
        raise ValueError(str(error)) from error


class SpaceFile(_Section):
    """The keys of the file.

    Attributes:
        version: Of this schema.
        axes: What may be chosen.
        recipe: How each network is compressed; {AXIS} stands for the value of an axis.
        objectives: What is sought.
        constraints: What costs are at most, and the accuracy at least: numbers in base units by
            figure, or a text or a list of texts such as `latency < 20 ms`.
        train: How networks of a module:callable are trained; they stay untrained without it.
        supernet: Of MODEL supernet.
    """

    version: Literal[1]
    axes: Annotated[dict[Annotated[str, Field(pattern=_AXIS_NAME)], AxisFile], Field(min_length=1)]
    recipe: str = "none"
    objectives: list[str] = ["latency_s", "accuracy"]
    constraints: Annotated[
        dict[str, int | float],
        BeforeValidator(_limits, json_schema_input_type=dict[str, int | float] | list[str] | str),
    ] = {}
    train: Finetune | None = None
    supernet: SupernetFile | None = None

    @property
    def space(self) -> Space:
        """What may be chosen, what is sought, what must be kept."""
        return Space(
            axes={axis: given.values for axis, given in self.axes.items()},
            objectives=tuple(self.objectives),
            limits={name: float(limit) for name, limit in self.constraints.items()},
        )

    @property
    def network_axes(self) -> dict[str, tuple[Value, ...]]:
        """The axes that the recipe does not name."""
        named = parameters_of(self.recipe)
        return {axis: a.values for axis, a in self.axes.items() if axis not in named}

    def recipe_of(self, choice: Choice) -> Recipe:
        """Return the recipe with the values of `choice` in their places.

        Raises:
            RecipeError: It names no axis, or is no recipe.
        """
        return parse(self.recipe_text(choice))

    def recipe_text(self, choice: Choice) -> str:
        """Return the text of the recipe with the values of `choice` in their places.

        Raises:
            RecipeError: It names no axis.
        """
        return filled(self.recipe, choice)


_SECTIONS: dict[str, type[BaseModel]] = {
    "axes": AxisFile,
    "train": Finetune,
    "supernet": SupernetFile,
}


def read_space(file: Path) -> SpaceFile:
    """Return what the file says, its first recipe checked.

    Raises:
        RecipeError: The file is malformed.
    """
    try:
        raw: object = read_yaml(file.read_text(encoding="utf-8"))
        wanted = SpaceFile.model_validate(raw)
    except FileNotFoundError:
        raise RecipeError(f"{file}: no such file") from None
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in problem["loc"]) or "file"
        section = _SECTIONS.get(str(problem["loc"][0]) if len(problem["loc"]) > 1 else "")
        known = ", ".join((section or SpaceFile).model_fields)
        raise RecipeError(
            f"{file.name}: {key}: {problem['msg']}, got {problem['input']!r}; keys: {known}"
        ) from error
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        # ValueError: bytes that are no UTF-8 too.
        raise RecipeError(f"{file.name}: not readable as YAML ({error})") from error
    try:
        wanted.recipe_of(wanted.space.at({}))
    except RecipeError as error:
        raise RecipeError(f"{file.name}: {error}") from error
    return wanted
