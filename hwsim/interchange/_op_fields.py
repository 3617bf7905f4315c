"""Check what a file says about an op's attributes, by the type that the op declares."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast, get_args

from hwsim.ops._activation import BOUNDS
from hwsim.ops._interpolation import Positions
from hwsim.ops.binary import BinaryFunction
from hwsim.ops.elementary import Function
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from collections.abc import Callable


def checked_field(kind: str, name: str, declared: str, value: object) -> Any:
    """Return `value`, lists made tuples, if it is what field `name` of an op declares.

    Raises:
        ValueError: It is not.
    """
    frozen = _frozen(value)
    if not CHECKS[declared](frozen):
        raise ValueError(f"{kind}.{name}: expected {declared}, got {frozen!r}")
    return frozen


def _frozen(value: object) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(item) for item in cast("list[object]", value))
    return value


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_integers(value: Any) -> bool:
    return isinstance(value, tuple) and all(_is_int(v) for v in cast("tuple[object]", value))


def _is_pair(value: Any) -> bool:
    return _is_integers(value) and len(value) == 2


def _is_pairs(value: Any) -> bool:
    return isinstance(value, tuple) and all(_is_pair(v) for v in cast("tuple[object]", value))


CHECKS: dict[str, Callable[[Any], bool]] = {
    "Weight": lambda value: isinstance(value, Weight),
    "Weight | None": lambda value: value is None or isinstance(value, Weight),
    "bool": lambda value: isinstance(value, bool),
    "int": _is_int,
    "float": lambda value: isinstance(value, float) and math.isfinite(value),
    "Pair": lambda value: _is_pair(value) and min(value) >= 1,
    "Padding": lambda value: _is_pairs(value) and len(value) == 2 and min(map(min, value)) >= 0,
    "Shape": _is_integers,
    "tuple[int, ...]": _is_integers,
    "tuple[tuple[int, int], ...]": lambda value: _is_pairs(value) and min(map(min, value)) >= 0,
    "Fused": lambda value: isinstance(value, str) and value in BOUNDS,
    "Function": lambda value: value in get_args(Function),
    "BinaryFunction": lambda value: value in get_args(BinaryFunction),
    "Positions": lambda value: value in get_args(Positions),
}
"""Every type that an op's field may declare, and how a value is known to be of it."""
