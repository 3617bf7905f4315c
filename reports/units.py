"""Choose one unit for a whole column and print figures in it: SI inside, scaled only here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

DIGITS: Final = 3
"""Significant digits of a printed figure; no estimate here is known to more."""
WIDEST: Final = 1e4
"""A figure of this many units is too wide to read."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A symbol, and how many base units it stands for."""

    symbol: str
    base: float

    def text(self, value: float) -> str:
        """Return `value`, given in base units, in this unit and without its symbol."""
        return figure(value / self.base)


Ladder: TypeAlias = tuple[Unit, ...]
"""Units of one quantity, largest first."""

SECONDS: Final[Ladder] = (Unit("s", 1.0), Unit("ms", 1e-3), Unit("µs", 1e-6), Unit("ns", 1e-9))
JOULES: Final[Ladder] = (
    Unit("J", 1.0),
    Unit("mJ", 1e-3),
    Unit("µJ", 1e-6),
    Unit("nJ", 1e-9),
    Unit("pJ", 1e-12),
)
BYTES: Final[Ladder] = (
    Unit("GiB", 2.0**30),
    Unit("MiB", 2.0**20),
    Unit("KiB", 2.0**10),
    Unit("B", 1.0),
)
COUNTS: Final[Ladder] = (Unit("G", 1e9), Unit("M", 1e6), Unit("k", 1e3), Unit("", 1.0))


def unit_for(values: Iterable[float], ladder: Ladder) -> Unit:
    """Return the unit for a column: its middle, taken by ratio, is at least 1 of it.

    Devices span four orders of magnitude, so neither the largest nor the smallest may decide
    alone; but a unit that needs more than four digits for the largest gives way to the next one.
    """
    known = [value for value in values if value > 0 and math.isfinite(value)]
    if not known:
        return ladder[-1]
    middle = math.exp(sum(map(math.log, known)) / len(known))
    # The middle of equal figures must not fall below them by a rounding error.
    chosen = next(
        (i for i, u in enumerate(ladder) if middle * (1 + 1e-9) >= u.base), len(ladder) - 1
    )
    while chosen > 0 and max(known) >= WIDEST * ladder[chosen].base:
        chosen -= 1
    return ladder[chosen]


def with_unit(value: float, ladder: Ladder) -> str:
    """Return one figure in the unit that suits it, with its symbol: `1.83 ms`."""
    unit = unit_for([value], ladder)
    return f"{unit.text(value)} {unit.symbol}".rstrip()


def figure(value: float) -> str:
    """Return three significant digits, never an exponent; whole digits are kept: `1,234`."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    # Round first: 9.996 has two decimals as 10.0 does, not three.
    rounded = float(f"{value:.{DIGITS - 1}e}")
    decimals = max(0, DIGITS - 1 - math.floor(math.log10(abs(rounded))))
    return f"{value:,.{decimals}f}"


def times(ratio: float) -> str:
    """Return a ratio to the baseline: `4.18x`; two decimals below ten, so that 1.00x is told."""
    # 9.995 would have two decimals, and four digits.
    return f"{ratio:.2f}x" if ratio < 9.995 else f"{figure(ratio)}x"
