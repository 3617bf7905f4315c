"""Choose nodes by shell patterns."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeVar

from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Mapping

_Kind = TypeVar("_Kind")


def matches(name: str, patterns: str) -> bool:
    """Return whether one of the shell patterns, separated by `;`, fits `name`."""
    return any(fnmatchcase(name, pattern.strip()) for pattern in patterns.split(";"))


def is_chosen(name: str, layers: str, exclude: str) -> bool:
    """Return whether a pattern of `layers` fits `name`, and none of `exclude`."""
    return matches(name, layers) and not matches(name, exclude)


def chosen_of(
    known: Mapping[str, _Kind], layers: str, exclude: str, where: str
) -> dict[str, _Kind]:
    """Return those of `known` that `is_chosen` takes.

    Args:
        known: By name.
        layers: Names to take: shell patterns, separated by `;`.
        exclude: Names to leave, likewise.
        where: Graph and step, for messages.

    Raises:
        RecipeError: There are none, or a pattern fits no name: a slip would go unseen.
    """
    chosen = {name: value for name, value in known.items() if is_chosen(name, layers, exclude)}
    if not chosen:
        raise RecipeError(
            f"{where}.layers: expected some of {', '.join(known) or 'no layers'}, "
            f"got layers={layers!r}, exclude={exclude!r}, which leave none"
        )
    for setting, patterns in (("layers", layers), ("exclude", exclude)):
        for pattern in filter(None, (part.strip() for part in patterns.split(";"))):
            if pattern != "*" and not any(fnmatchcase(name, pattern) for name in known):
                raise RecipeError(
                    f"{where}.{setting}: expected names or patterns of {', '.join(known)}, "
                    f"got {pattern!r}, which fits none of them"
                )
    return chosen
