"""`hwsim recipes`: the steps that a recipe may have."""

from __future__ import annotations

from typing import Any

import typer

# How JSON schema calls what a setting may be, and how people write it.
_LIMITS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def recipes() -> None:
    """List the steps of recipes with their settings and defaults."""
    from compressors import COMPRESSORS

    for step in COMPRESSORS:
        typer.echo(f"{step.name}: {(step.__doc__ or '').splitlines()[0]}")
        for name, setting in step.model_json_schema().get("properties", {}).items():
            default = setting.get("default")
            shown = "unset" if default in (None, "") else default
            typer.echo(f"    {name + ' = ' + str(shown):32}{_allowed(setting)}".rstrip())
    typer.echo(
        "Chain steps with |, as in 'prune{sparsity=0.9}|finetune{epochs=5}|quantize', "
        "or write a .yaml file (see examples/recipes)."
    )


def _allowed(setting: dict[str, Any]) -> str:
    """Return what a setting may be: `float, >= 0.0, < 1.0`, or `local, global`."""
    kinds = [kind for kind in setting.get("anyOf", [setting]) if kind.get("type") != "null"]
    (kind,) = kinds
    if "enum" in kind:
        return ", ".join(kind["enum"])
    limits = [f"{sign} {kind[key]}" for key, sign in _LIMITS.items() if key in kind]
    return ", ".join([kind["type"], *limits])
