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
        if not self.is_whole:
            value = _between(self.low, self.high, share, self.scale)
            return _shown(value, self.low, self.high)
        low, high = math.ceil(self.low), math.floor(self.high)
        if self.scale == "linear":
            # Each whole number has as much room, the ends too.
            return _clamped(low + int(share * (high - low + 1)), low, high)
        return _clamped(round(_between(self.low, self.high, share, self.scale)), low, high)


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
    values = [_between(low, high, share, scale) for share in shares]
    # The ends are what was written, not what a logarithm makes of them.
    values = [low, *values[1:-1], high]
    if is_whole:
        ends = math.ceil(low), math.floor(high)
        return Listed(tuple(dict.fromkeys(_clamped(round(value), *ends) for value in values)))
    values = [low, *(_shown(value, low, high) for value in values[1:-1]), high]
    if isinstance(low, int) and isinstance(high, int) and _are_whole(values):
        values = [round(value) for value in values]
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
    # 1 and 1.0 are one number; True, which equals it, is none.
    if len({(isinstance(value, bool), value) for value in found}) < len(found):
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
    if scale == "log":
        return low * (high / low) ** share
    return low * (1.0 - share) + high * share


def _shown(value: float, low: float, high: float) -> float:
    """Return `value` without digits that mean nothing and fill tables, within the ends."""
    # Ends that are near to each other take more digits to tell their values apart.
    span = max(abs(low), abs(high)) / (high / 2 - low / 2) / 2
    digits = _DIGITS + max(0, math.floor(math.log10(span)))
    return _clamped(float(f"{value:.{digits}g}"), low, high)


def _clamped(value: float, low: float, high: float) -> float:
    """Return `value`, or the end that rounding took it beyond."""
    return min(max(value, low), high)


def _are_whole(values: list[float]) -> bool:
    return all(float(value).is_integer() for value in values)
