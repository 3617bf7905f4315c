"""The geometry of a kernel's accelerator: extents and words, and the price that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias, cast

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from hwsim.accelerators.find import find_accelerator
from hwsim.errors import UnsupportedError

PER_MULTIPLIER: Final = "1/multipliers"
"""What `per_mac` may say instead of a number, so that it follows the geometry."""

_MOST: Final = 1 << 20


def _extent_or_word(value: object) -> int | str:
    """Return `value` as it is; which words there are is the accelerator's to say."""
    if isinstance(value, str) and value:
        return value
    if type(value) is int and 1 <= value <= _MOST:
        return value
    raise PydanticCustomError(
        "geometry", "expected a whole number of 1 to {most}, or a word", {"most": _MOST}
    )


Geometry: TypeAlias = dict[str, Annotated[int | str, PlainValidator(_extent_or_word)]]
"""Fields of an accelerator that differ from the published ones."""


def with_multipliers(kernel: object) -> object:
    """Return the tree of a kernel with 1 / multipliers where `per_mac` says so.

    What is malformed stays as it is, and is told by whoever checks it.
    """
    if not isinstance(kernel, Mapping):
        return kernel
    tree = cast("Mapping[str, Any]", kernel)
    cycles = tree.get("cycles")
    if not isinstance(cycles, Mapping):
        return tree
    prices = cast("Mapping[str, Any]", cycles)
    if prices.get("per_mac") != PER_MULTIPLIER:
        return tree
    try:
        accelerator = find_accelerator(tree["schedule"], tree.get("geometry", {}))
    except (UnsupportedError, KeyError, TypeError, AttributeError):
        return tree
    return {**tree, "cycles": {**prices, "per_mac": 1.0 / accelerator.multipliers}}
