"""`hwsim recipes`: the steps that a recipe may have."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

# How JSON schema calls what a setting may be, and how people write it.
_LIMITS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def recipes(
    step: Annotated[
        str | None, typer.Argument(metavar="[STEP]", help="Explain one step and its settings.")
    ] = None,
) -> None:
    """List the steps of recipes with their settings and defaults, or explain one."""
    from compressors import COMPRESSORS
    from hwsim.errors import RecipeError

    if step is None:
        for known in COMPRESSORS:
            typer.echo(f"{known.name}: {(known.__doc__ or '').splitlines()[0]}")
            _list_settings(known.model_json_schema())
        typer.echo(
            "hwsim recipes STEP explains one. Chain steps with |, as in "
            "'prune{sparsity=0.9}|finetune{epochs=5}|quantize', or write a .yaml file "
            "(see examples/recipes)."
        )
        return
    for known in COMPRESSORS:
        if known.name == step:
            typer.echo(f"{known.name}: {inspect.cleandoc(known.__doc__ or '')}\n")
            _list_settings(known.model_json_schema())
            return
    names = ", ".join(sorted(known.name for known in COMPRESSORS))
    raise RecipeError(f"recipes: no step {step!r}; known: {names}")


def _list_settings(schema: dict[str, Any]) -> None:
    for name, setting in schema.get("properties", {}).items():
        default = setting.get("default")
        shown = "unset" if default in (None, "") else default
        typer.echo(f"    {name + ' = ' + str(shown):32}{_allowed(setting)}".rstrip())


def _allowed(setting: dict[str, Any]) -> str:
    """Return what a setting may be: `float, >= 0.0, < 1.0`, or `local, global`."""
    kinds = [kind for kind in setting.get("anyOf", [setting]) if kind.get("type") != "null"]
    (kind,) = kinds
    if "enum" in kind:
        return ", ".join(kind["enum"])
    limits = [f"{sign} {kind[key]}" for key, sign in _LIMITS.items() if key in kind]
    return ", ".join([kind["type"], *limits])
