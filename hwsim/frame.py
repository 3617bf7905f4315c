"""A comparison as a pandas frame, for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from hwsim.records import Comparison

COLUMNS = [
    "model",
    "recipe",
    "device",
    "overrides",
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
    "calibrated",
    "profile_sha256",
    "refused",
]
"""Of a sweep's frame; there also where it has no rows."""


def frame(comparison: Comparison) -> pd.DataFrame:
    """Return one row per outcome; figures of a refusal are missing, its reason is not."""
    records: list[dict[str, object]] = [
        {
            "model": result.model,
            "recipe": result.recipe,
            "device": result.device,
            "overrides": "; ".join(result.overrides),
            "latency_s": result.latency_s,
            "latency_low_s": result.estimate.latency_low_s,
            "latency_high_s": result.estimate.latency_high_s,
            "energy_j": result.energy_j,
            "peak_ram_bytes": result.peak_ram_bytes,
            "flash_bytes": result.flash_bytes,
            "fits": result.fits,
            "top1": None if result.accuracy is None else result.accuracy.top1,
            "macs": result.estimate.macs,
            "macs_effective": result.estimate.macs_effective,
            "calibrated": result.is_calibrated,
            "profile_sha256": result.profile_sha256,
            "refused": None,
        }
        for result in comparison.results
    ]
    refused: list[dict[str, object]] = [
        {
            "model": refusal.model,
            "recipe": refusal.recipe,
            "device": refusal.device,
            "overrides": "; ".join(refusal.overrides),
            "refused": refusal.reason,
        }
        for refusal in comparison.refusals
    ]
    return pd.DataFrame(records + refused, columns=COLUMNS)
