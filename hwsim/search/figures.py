"""The figures of one choice: on one device as they are, on several as one number each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Point, Result

COSTS = ("latency_s", "energy_j", "peak_ram_bytes", "flash_bytes")
"""What is better when it is less."""

ACCURACY = "accuracy"
FIGURES = (*COSTS, ACCURACY)
"""What objectives and limits may be about, in the order of tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one choice costs on one device, and how right it is there.

    Attributes:
        device: Name of the profile.
        latency_s: Of one inference.
        energy_j: Of one inference.
        peak_ram_bytes: Arena and the runtime's own.
        flash_bytes: Weights and code.
        fits: Whether the device has enough of both.
        accuracy: Share of labelled samples that are right, 0..1; None without labels.
    """

    device: str
    latency_s: float
    energy_j: float
    peak_ram_bytes: int
    flash_bytes: int
    fits: bool
    accuracy: float | None = None

    def value(self, name: str) -> float:
        """Return the figure `name` out of `FIGURES`.

        Raises:
            RecipeError: It is the accuracy, and no labelled data judged.
        """
        found: float | None = getattr(self, name)
        if found is None:
            raise RecipeError(
                f"{self.device}: search expected labelled data for the accuracy, got none; give "
                "--data, or leave accuracy out of objectives and constraints"
            )
        return found


def figures_of(result: Result) -> Figures:
    """Return the figures of a result."""
    return Figures(
        device=result.device,
        latency_s=result.latency_s,
        energy_j=result.energy_j,
        peak_ram_bytes=result.peak_ram_bytes,
        flash_bytes=result.flash_bytes,
        fits=result.fits,
        accuracy=None if result.accuracy is None else result.accuracy.top1,
    )


def figures_at(point: Point) -> Figures:
    """Return the figures of a point that was not refused."""
    return Figures(
        device=point.device,
        latency_s=point.latency_s or 0.0,
        energy_j=point.energy_j or 0.0,
        peak_ram_bytes=point.peak_ram_bytes or 0,
        flash_bytes=point.flash_bytes or 0,
        fits=bool(point.fits),
        accuracy=point.top1,
    )


def overall(figures: Sequence[Figures], name: str) -> float:
    """Return a figure of all devices: costs by their geometric mean, accuracy by the worst.

    A choice that is cheaper by a factor on one device counts as much as one that is cheaper by it
    on another, however far their clocks lie apart. What is best by these means is dominated by
    nothing that is at least as good on every device.

    Args:
        figures: One per device; at least one.
        name: Out of `FIGURES`.

    Raises:
        RecipeError: It is the accuracy, and no labelled data judged.
    """
    values = [each.value(name) for each in figures]
    if name == ACCURACY or len(values) == 1:
        return min(values)
    if min(values) <= 0.0:
        return 0.0
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def overall_loss(figures: Sequence[Figures], name: str) -> float:
    """Return `overall` with the sign by which less is better."""
    value = overall(figures, name)
    return -value if name == ACCURACY else value
