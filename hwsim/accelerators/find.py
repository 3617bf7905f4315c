"""Find an accelerator by its name and geometry."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from hwsim.accelerators import ACCELERATORS
from hwsim.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.accelerators import Accelerator

# More than any chip has; slots beyond would not fit a machine word.
_MOST_MULTIPLIERS = 1 << 24


def find_accelerator(name: str, geometry: Mapping[str, int | str]) -> Accelerator:
    """Return the accelerator called `name`, of the geometry given; the rest as published.

    Args:
        name: One of `ACCELERATORS`.
        geometry: Its fields: whole numbers from 1, or words where it takes words.

    Raises:
        UnsupportedError: There is no such accelerator, or it is not of such a geometry.
    """
    known = {kind.name: kind for kind in ACCELERATORS}
    if name not in known:
        raise UnsupportedError(f"no accelerator {name!r}; known: {', '.join(known)}")
    kind = known[name]
    assert is_dataclass(kind)
    extents = [field.name for field in fields(kind)]
    hints = get_type_hints(kind)
    for extent, value in geometry.items():
        if extent not in extents:
            raise UnsupportedError(f"{name} has no {extent!r}; it has: {', '.join(extents)}")
        _check(f"{name}: {extent}", value, hints[extent])
    taken: dict[str, Any] = dict(geometry)
    accelerator = kind(**taken)
    if accelerator.multipliers > _MOST_MULTIPLIERS:
        raise UnsupportedError(
            f"{name}: expected at most {_MOST_MULTIPLIERS} multipliers, got "
            f"{accelerator.multipliers}; make {' or '.join(geometry)} smaller"
        )
    return accelerator


def _check(where: str, value: int | str, hint: Any) -> None:
    """Raise unless `value` is one of the words of a literal type, or else an extent."""
    words = get_args(hint)
    if words and value not in words:
        raise UnsupportedError(f"{where}: expected one of {', '.join(words)}, got {value!r}")
    if not words and (type(value) is not int or value < 1):
        raise UnsupportedError(f"{where}: expected a whole number from 1, got {value!r}")
