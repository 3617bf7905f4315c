"""Find an accelerator by its name and geometry."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

from hwsim.accelerators import ACCELERATORS
from hwsim.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.accelerators import Accelerator


def find_accelerator(name: str, geometry: Mapping[str, int]) -> Accelerator:
    """Return the accelerator called `name`, of the geometry given; the rest as published.

    Raises:
        UnsupportedError: There is no such accelerator, or it has no such extent.
    """
    known = {kind.name: kind for kind in ACCELERATORS}
    if name not in known:
        raise UnsupportedError(f"no accelerator {name!r}; known: {', '.join(known)}")
    kind = known[name]
    assert is_dataclass(kind)
    extents = [field.name for field in fields(kind)]
    for extent in geometry:
        if extent not in extents:
            raise UnsupportedError(f"{name} has no {extent!r}; it has: {', '.join(extents)}")
    return kind(**geometry)
