"""Axes: what a sweep varies, and the values that each may take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import numpy as np

from hwsim.errors import RecipeError
from hwsim.limits import SWEEP_POINTS
from hwsim.records.points import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Scale: TypeAlias = Literal["linear", "log"]

Choice: TypeAlias = Mapping[str, Value]
"""One value of every axis."""

BATCH = "batch"
"""The axis whose values are samples per inference."""

MOST_POINTS = SWEEP_POINTS
"""Points that one sweep may have."""

_MOST_CHARACTERS = 200
_DIGITS = 9

# Columns of the table beside the axes.
_TAKEN = frozenset({
    "model", "recipe", "device", "seed", "overrides", "latency_s", "latency_low_s",
    "latency_high_s", "energy_j", "peak_ram_bytes", "flash_bytes", "fits", "top1", "macs",
    "macs_effective", "calibrated", "profile_sha256", "refused", "key",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """An axis of some values; drawing takes each with the same chance.

    Attributes:
        values: At least one, each once.
    """

    values: tuple[Value, ...]

    def at(self, share: float) -> Value:
        """Return the value at `share`, 0 <= share < 1, of the list."""
        return self.values[min(int(share * len(self.values)), len(self.values) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """An axis of all numbers from `low` to `high`: it can be drawn from, not counted through.

    Attributes:
        low: First.
        high: Last, > low.
        scale: Whether equal steps (`linear`) or equal factors (`log`, low > 0) are as likely.
        is_whole: Whether values are rounded to whole numbers.
    """

    low: float
    high: float
    scale: Scale = "linear"
    is_whole: bool = False

    def at(self, share: float) -> Value:
        """Return the value at `share`, 0 <= share < 1, of the way."""
        if self.is_whole and self.scale == "linear":
            # Each whole number has as much room, the ends too.
            low, high = math.ceil(self.low), math.floor(self.high)
            return low + int(share * (high - low + 1))
        value = _between(self.low, self.high, share, self.scale)
        return round(value) if self.is_whole else value


Axis: TypeAlias = "Listed | Spread"


def axis_of(
    low: float, high: float, steps: int | None, scale: Scale = "linear", *, is_whole: bool = False
) -> Axis:
    """Return the axis from `low` to `high`, both included.

    Args:
        low: First value.
        high: Last value, > low.
        steps: How many values, >= 2; None for an axis to draw from.
        scale: See `Spread`.
        is_whole: Whether values are rounded to whole numbers, each taken once.

    Raises:
        RecipeError: The ends are no finite numbers in this order, or a logarithm has no such end.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise RecipeError(f"expected finite numbers, from < to, got from {low} to {high}")
    if scale == "log" and low <= 0:
        raise RecipeError(f"scale: log expected from > 0, got {low}; use scale: linear")
    if is_whole and math.ceil(low) > math.floor(high):
        raise RecipeError(f"there is no whole number from {low} to {high}")
    if steps is None:
        return Spread(low=low, high=high, scale=scale, is_whole=is_whole)
    if not 2 <= steps <= MOST_POINTS:
        raise RecipeError(f"steps: expected 2 to {MOST_POINTS}, got {steps}")
    shares = np.linspace(0.0, 1.0, steps).tolist()
    values: list[Value] = [_between(low, high, share, scale) for share in shares]
    # The ends are what was written, not what a logarithm makes of them.
    values[0], values[-1] = low, high
    if is_whole or (isinstance(low, int) and isinstance(high, int) and _are_whole(values)):
        values = [round(value) for value in values if not isinstance(value, str)]
    return Listed(tuple(dict.fromkeys(values)))


def listed(values: object) -> Listed:
    """Return the axis of these values.

    Raises:
        RecipeError: There are none, one stands twice, or one is no finite number, text or truth.
    """
    given = tuple(cast("Sequence[object]", values)) if isinstance(values, (list, tuple)) else ()
    if not given:
        raise RecipeError(f"expected a list of values, got {values!r:.80}")
    found: list[Value] = []
    for value in given:
        if not isinstance(value, (int, float, str, bool)):
            raise RecipeError(f"expected numbers, texts, true or false, got {value!r:.80}")
        if isinstance(value, float) and not math.isfinite(value):
            raise RecipeError(f"expected finite numbers, got {value!r}")
        found.append(value)
    if len({(type(value), value) for value in found}) < len(found):
        raise RecipeError(f"expected each value once, got {found!r:.80}")
    return Listed(tuple(found))


def check_names(names: Iterable[str], keys: frozenset[str] = frozenset()) -> None:
    """Refuse axes whose names the table or a recipe could not hold.

    Args:
        names: Of the axes.
        keys: Profile keys that are laid over all points already.

    Raises:
        RecipeError: A name is a column of the table, or no name.
    """
    for name in names:
        if name in _TAKEN:
            raise RecipeError(f"axis {name!r} is a column of the table already; rename it")
        if name in keys:
            raise RecipeError(f"axis {name!r} is among the overrides too; drop one of them")
        is_text = 0 < len(name) <= _MOST_CHARACTERS and name.isprintable()
        if not is_text or not (is_key(name) or (name.isidentifier() and name.isascii())):
            raise RecipeError(
                f"axis {name!r:.80}: expected a dotted key of a profile, {BATCH}, or the name of a "
                "recipe's {parameter}: letters, digits and _"
            )


def is_key(name: str) -> bool:
    """Return whether the axis lays its values over profiles."""
    return "." in name


def _between(low: float, high: float, share: float, scale: Scale) -> float:
    value = low * (high / low) ** share if scale == "log" else low + (high - low) * share
    # More digits mean nothing, and fill tables.
    return float(f"{value:.{_DIGITS}g}")


def _are_whole(values: list[Value]) -> bool:
    return all(isinstance(value, (int, float)) and float(value).is_integer() for value in values)
