"""A study: what the report of a sweep shows."""

from __future__ import annotations

from dataclasses import dataclass

from hwsim.records.comparison import Comparison
from hwsim.records.points import Points


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Points of a sweep, and the results that stand for each model, recipe and device in full.

    Attributes:
        title: Of the page.
        comparison: Results with details; those of a sweep are of one point of each model, recipe
            and device: the one most like the device as it is.
        points: None where nothing was swept.
    """

    title: str
    comparison: Comparison
    points: Points | None = None
