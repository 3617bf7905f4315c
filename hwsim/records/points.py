"""Points: what a sweep tried and what came of it, one row each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Value: TypeAlias = int | float | str | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point of a sweep.

    Attributes:
        key: Digest of everything that the figures depend on: model's content, recipe, profile, what
            is laid over it, data, seed, version of hwsim.
        model: Its name.
        recipe: Its name or spec string, values filled in.
        device: Name of the profile.
        axes: The values that this point has on the sweep's axes.
        overrides: `key=value` texts laid over the profile.
        seed: Of what the recipe draws.
        batch: Samples of one inference: latency and energy are of all of them together.
        profile_sha256: Of the profile before `overrides`.
        latency_s: None where refused, as all that follow but `refused`.
        latency_low_s: Lower end of the interval.
        latency_high_s: Upper end.
        energy_j: Of one inference.
        peak_ram_bytes: Arena and the runtime's own.
        flash_bytes: Weights and code.
        fits: Whether the device has enough of both.
        top1: Share of labelled samples that are right, 0..1; None without labels.
        macs: Of the dense ops.
        macs_effective: Those whose weight is not zero.
        is_calibrated: Whether held-out evidence backs the figures.
        refused: Why there are none; None where there are.
    """

    key: str
    model: str
    recipe: str
    device: str
    axes: Mapping[str, Value] = field(default_factory=dict[str, Value])
    overrides: tuple[str, ...] = ()
    seed: int = 0
    batch: int = 1
    profile_sha256: str
    latency_s: float | None = None
    latency_low_s: float | None = None
    latency_high_s: float | None = None
    energy_j: float | None = None
    peak_ram_bytes: int | None = None
    flash_bytes: int | None = None
    fits: bool | None = None
    top1: float | None = None
    macs: int | None = None
    macs_effective: int | None = None
    is_calibrated: bool | None = None
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """The table of a sweep.

    Attributes:
        axes: Names, in the order asked for.
        points: In the order asked for, as far as they are finished.
    """

    axes: tuple[str, ...]
    points: tuple[Point, ...]
