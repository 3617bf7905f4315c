"""Recipes of a sweep: texts with `{name}` where the value of an axis goes, and seeds."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

from hwsim.errors import RecipeError
from hwsim.row import Recipe

Parse: TypeAlias = Callable[[str], Recipe]
"""The text of a recipe to the recipe: `compressors.parse`."""

_NAMED = re.compile(r"\{([A-Za-z_]\w*)\}", re.ASCII)


def parameters_of(text: str) -> tuple[str, ...]:
    """Return the names that stand as `{name}` in the text of a recipe, each once."""
    return tuple(dict.fromkeys(_NAMED.findall(text)))


def filled(text: str, values: Mapping[str, object]) -> str:
    """Return the text of a recipe with the values of axes where their names stand.

    Raises:
        RecipeError: It names no axis.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            known = ", ".join(values) or "none"
            raise RecipeError(f"recipe: {match[0]} names no axis; known: {known}")
        found = values[match[1]]
        return str(found).lower() if isinstance(found, bool) else str(found)

    return _NAMED.sub(value, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A recipe, or one for each value of some axes.

    Attributes:
        text: With `{name}`; for messages where `recipe` is given.
        parameters: The names.
        recipe: Where there is nothing to fill in.
        parse: Reads filled texts.
    """

    text: str
    parameters: tuple[str, ...] = ()
    recipe: Recipe | None = None
    parse: Parse | None = None

    @staticmethod
    def of(given: Recipe | str, parse: Parse | None) -> Template:
        """Return the template that a user gave.

        Raises:
            RecipeError: It is a text, and nobody reads it, or it is no recipe.
        """
        if not isinstance(given, str):
            return Template(text=given.name, recipe=given)
        if parse is None:
            raise RecipeError(
                f"recipe {given!r:.80}: expected parse=compressors.parse to read the text of a "
                "recipe, got none; or give compressors.parse(text)"
            )
        names = parameters_of(given)
        recipe = None if names else parse(given)
        return Template(text=given, parameters=names, recipe=recipe, parse=parse)

    def at(self, values: Mapping[str, object]) -> Recipe:
        """Return the recipe for these values of its parameters.

        Raises:
            RecipeError: It names no axis, or is no recipe with these values.
        """
        if self.recipe is not None:
            return self.recipe
        assert self.parse is not None
        return self.parse(filled(self.text, values))


def check_parameters(templates: Collection[Template], axes: Collection[str]) -> None:
    """Refuse recipes that name no axis, and axes that no recipe names.

    Args:
        templates: Of the sweep.
        axes: Names of the axes that recipes may use.

    Raises:
        RecipeError: Some name has no counterpart.
    """
    named = {name for template in templates for name in template.parameters}
    known = ", ".join(axes) or "none"
    for name in named.difference(axes):
        raise RecipeError(f"recipe: {{{name}}} names no axis; known: {known}")
    for name in axes:
        if name not in named:
            raise RecipeError(
                f"axis {name!r}: no recipe has {{{name}}} in its text; write it there, or give a "
                "dotted key of a profile such as hardware.clock_hz"
            )


def draws(recipe: Recipe) -> bool:
    """Return whether a step of the recipe takes a seed."""
    return any("seed" in fields for _, fields in _steps(recipe))


def with_seed(recipe: Recipe, seed: int) -> Recipe:
    """Return the recipe whose steps draw by `seed`."""
    steps = tuple(
        step.model_copy(update={"seed": seed}) if "seed" in fields else step
        for step, fields in _steps(recipe)
    )
    return cast("Recipe", replace(cast("Any", recipe), steps=steps))


def _steps(recipe: Recipe) -> list[tuple[Any, Collection[str]]]:
    """Return the steps of a recipe of `compressors`, and their settings; none of another kind."""
    steps = cast("tuple[Any, ...]", getattr(recipe, "steps", ()))
    return [(step, cast("Any", type(step)).model_fields) for step in steps]
