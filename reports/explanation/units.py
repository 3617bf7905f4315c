"""A unit for figures that are read beside each other, the small ones too."""

from __future__ import annotations

from statistics import median_low
from typing import TYPE_CHECKING, Final

from reports.units import WIDEST, unit_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.units import Ladder, Unit

TENTH: Final = 0.1
"""At least half of the figures are this many units or more: 91.9 ms, no 0.0919 s."""


def readable_unit(values: Sequence[float], ladder: Ladder) -> Unit:
    """Return the unit of the largest figure, or a smaller one where most would be small in it."""
    known = [value for value in values if value > 0]
    if not known:
        return ladder[-1]
    largest = max(known)
    smaller = unit_for([min(largest, median_low(known) / TENTH)], ladder)
    return smaller if largest < WIDEST * smaller.base else unit_for([largest], ladder)
