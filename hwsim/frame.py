"""The points of a sweep as a pandas frame, for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from hwsim.records import Points

_NAMED = ("model", "recipe", "device")
_FIGURES = (
    "latency_s",
    "latency_low_s",
    "latency_high_s",
    "energy_j",
    "peak_ram_bytes",
    "flash_bytes",
    "fits",
    "top1",
    "macs",
    "macs_effective",
)


def frame(points: Points) -> pd.DataFrame:
    """Return one row per point, in their order; figures of a refusal are missing.

    Columns: `model`, `recipe`, `device`, one for each axis, `seed`, `overrides`, the figures with
    their units in their names, `calibrated`, `profile_sha256` (before overrides), `refused`.
    """
    every = points.points
    columns: dict[str, list[object]] = {
        name: [getattr(point, name) for point in every] for name in _NAMED
    }
    for axis in points.axes:
        columns[axis] = [point.axes.get(axis) for point in every]
    columns["seed"] = [point.seed for point in every]
    columns["overrides"] = ["; ".join(point.overrides) for point in every]
    columns |= {name: [getattr(point, name) for point in every] for name in _FIGURES}
    columns["calibrated"] = [point.is_calibrated for point in every]
    columns["profile_sha256"] = [point.profile_sha256 for point in every]
    columns["refused"] = [point.refused for point in every]
    table = pd.DataFrame(columns)
    # Of refusals alone every figure is missing, and pandas knows no numbers among them.
    return table.astype(dict.fromkeys(_FIGURES[:4], "float64"))
