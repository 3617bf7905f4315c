"""Constraints as people write them: `latency < 20 ms`, `fits 256 KiB RAM`, `accuracy >= 97 %`."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from hwsim.errors import RecipeError
from hwsim.search.figures import ACCURACY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NAMES: Mapping[str, str] = {
    "latency": "latency_s",
    "latency_s": "latency_s",
    "energy": "energy_j",
    "energy_j": "energy_j",
    "ram": "peak_ram_bytes",
    "peak_ram": "peak_ram_bytes",
    "peak_ram_bytes": "peak_ram_bytes",
    "flash": "flash_bytes",
    "flash_bytes": "flash_bytes",
    "accuracy": ACCURACY,
    "top1": ACCURACY,
}
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_JOULES = {"J": 1.0, "mJ": 1e-3, "uJ": 1e-6, "µJ": 1e-6, "μJ": 1e-6, "nJ": 1e-9}
_BYTES = {
    "B": 1.0,
    **{f"{prefix}B": 1000.0**power for power, prefix in enumerate(("k", "M", "G"), 1)},
    "KB": 1000.0,
    **{f"{prefix}iB": 1024.0**power for power, prefix in enumerate(("K", "M", "G"), 1)},
    "kiB": 1024.0,
}
_UNITS: Mapping[str, Mapping[str, float]] = {
    "latency_s": _SECONDS,
    "energy_j": _JOULES,
    "peak_ram_bytes": _BYTES,
    "flash_bytes": _BYTES,
    ACCURACY: {"%": 0.01},
}
_NUMBER = r"(?P<number>[0-9.][0-9.e_]*(?:(?<=e)[+-]?[0-9]+)?)\s*(?P<unit>%|[A-Za-zµμ]*)"
_DEVICE = r"(?:\s*@\s*(?P<device>[^\s<>=]+))?"
_COMPARED = re.compile(rf"(?P<name>[A-Za-z]\w*)?{_DEVICE}\s*(?P<sign><=|>=|<|>)\s*{_NUMBER}")
_FITS = re.compile(rf"fits(?:\s+{_NUMBER}\s+(?P<name>\w+))?{_DEVICE}", re.IGNORECASE)
_SHAPES = "such as 'latency < 20 ms', 'accuracy >= 97 %', 'fits 256 KiB RAM' or 'fits'"


def read_constraints(text: str) -> dict[str, float]:
    """Return the limits that a text sets, separated by commas.

    `fits` alone sets none: what does not fit the device's memories is never kept. A name may be
    left out where the unit tells it; `NAME@DEVICE` limits one device of several.

    Args:
        text: Such as `fits 256 KiB RAM, < 20 ms, accuracy >= 0.97`.

    Returns:
        Limits as of `Space`, in base units: costs at most, the accuracy at least this. `<` and
        `>` leave the bound itself out, by one step of a float.

    Raises:
        RecipeError: A part is no constraint.
    """
    return tightest(_limit(part.strip()) for part in text.split(","))


def tightest(limits: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return for each name the limit that is hardest to keep.

    Args:
        limits: Several mappings of limits as of `Space`.
    """
    found: dict[str, float] = {}
    for each in limits:
        for name, bound in each.items():
            harder = max if figure_of(name) == ACCURACY else min
            found[name] = harder(found.get(name, bound), bound)
    return found


def figure_of(limit: str) -> str:
    """Return the figure that a limit's name is about: `latency_s` of `latency_s@DEVICE`."""
    return limit.partition("@")[0]


def device_of(limit: str) -> str:
    """Return the device that a limit's name is about; empty for every one."""
    return limit.partition("@")[2]


def _limit(part: str) -> dict[str, float]:
    fits, compared = _FITS.fullmatch(part), _COMPARED.fullmatch(part)
    found = fits or compared
    if found is None:
        raise RecipeError(f"constraint {part!r}: expected one {_SHAPES}")
    if fits is not None and fits["number"] is None:
        return {}
    figure = _figure(part, found["name"], found["unit"])
    sign = "<=" if fits is not None else found["sign"]
    if fits is not None and figure not in ("peak_ram_bytes", "flash_bytes"):
        raise RecipeError(f"constraint {part!r}: fits expected RAM or flash, got {fits['name']}")
    wanted = ">" if figure == ACCURACY else "<"
    if sign[0] != wanted:
        raise RecipeError(
            f"constraint {part!r}: {figure} expected {wanted} or {wanted}=, got {sign}; costs are "
            "limited from above, the accuracy from below"
        )
    bound = _number(part, found["number"]) * _factor(part, figure, found["unit"])
    if figure == ACCURACY and bound > 1.0:
        raise RecipeError(
            f"constraint {part!r}: accuracy expected a share of at most 1, got {bound:g}; "
            "write 0.97 or 97 %"
        )
    if sign in ("<", ">"):
        bound = math.nextafter(bound, math.inf if sign == ">" else -math.inf)
    device = found["device"]
    return {f"{figure}@{device}" if device else figure: bound}


def _figure(part: str, name: str | None, unit: str) -> str:
    if name is not None:
        if name.lower() not in _NAMES:
            known = "latency, energy, ram, flash, accuracy"
            raise RecipeError(f"constraint {part!r}: no figure {name!r}; known: {known}")
        return _NAMES[name.lower()]
    fitting = [figure for figure, units in _UNITS.items() if unit in units]
    if len(fitting) != 1:
        raise RecipeError(
            f"constraint {part!r}: expected the name of a figure before it, as the unit "
            f"{unit or '(none)'} does not tell it; such as 'ram <= 256 KiB'"
        )
    return fitting[0]


def _number(part: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise RecipeError(f"constraint {part!r}: expected a number, got {text!r}; such as 20e-3")
    return number


def _factor(part: str, figure: str, unit: str) -> float:
    if not unit:
        return 1.0
    if unit not in _UNITS[figure]:
        known = ", ".join(_UNITS[figure])
        raise RecipeError(f"constraint {part!r}: {figure} has no unit {unit!r}; known: {known}")
    return _UNITS[figure][unit]
