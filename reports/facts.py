"""All that is known of one result as flat, unscaled figures; JSON and CSV show the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.causes import executed_as
from reports.pareto import front_of
from reports.speedup import speedup
from reports.why import why

if TYPE_CHECKING:
    from hwsim.records import Comparison, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One result; the field names are the JSON keys and CSV headers, which scripts rely on.

    Attributes of the records keep their meaning; these are added:

    Attributes:
        speedup: Baseline's latency over this one's; None without a baseline, as the next two.
        energy_ratio: Baseline's energy over this one's.
        mac_ratio: Baseline's effective multiply-accumulates over this one's.
        pareto: Whether on the front of accuracy and latency; None without accuracy.
        executed_as: Layers by the way they run.
        why: What held it back, in words; None where nothing did.
    """

    model: str
    recipe: str
    device: str
    device_class: str
    runtime: str
    overrides: tuple[str, ...]
    numerics: str
    profile_sha256: str
    calibrated: bool
    latency_s: float
    latency_low_s: float
    latency_high_s: float
    energy_j: float
    peak_ram_bytes: int
    flash_bytes: int
    ram_capacity_bytes: int
    flash_capacity_bytes: int
    memory_is_shared: bool
    fits: bool
    top1: float | None
    n: int | None
    macs: int
    macs_effective: int
    speedup: float | None
    energy_ratio: float | None
    mac_ratio: float | None
    pareto: bool | None
    executed_as: str
    why: str | None


def facts(comparison: Comparison) -> tuple[Facts, ...]:
    """Return the facts of each result, in order."""
    fronts = front_of(comparison.results)
    return tuple(
        _facts(comparison, result, is_on_front)
        for result, is_on_front in zip(comparison.results, fronts, strict=True)
    )


def _facts(comparison: Comparison, result: Result, is_on_front: bool) -> Facts:
    estimate, accuracy, gain = result.estimate, result.accuracy, speedup(comparison, result)
    return Facts(
        model=result.model,
        recipe=result.recipe,
        device=result.device,
        device_class=result.device_class,
        runtime=result.runtime,
        overrides=result.overrides,
        numerics=result.numerics,
        profile_sha256=result.profile_sha256,
        calibrated=result.is_calibrated,
        latency_s=estimate.latency_s,
        latency_low_s=estimate.latency_low_s,
        latency_high_s=estimate.latency_high_s,
        energy_j=estimate.energy_j,
        peak_ram_bytes=result.peak_ram_bytes,
        flash_bytes=result.flash_bytes,
        ram_capacity_bytes=estimate.footprint.ram_capacity_bytes,
        flash_capacity_bytes=estimate.footprint.flash_capacity_bytes,
        memory_is_shared=estimate.footprint.is_shared,
        fits=result.fits,
        top1=None if accuracy is None else accuracy.top1,
        n=None if accuracy is None else accuracy.n,
        macs=estimate.macs,
        macs_effective=estimate.macs_effective,
        speedup=None if gain is None else gain.faster,
        energy_ratio=None if gain is None else gain.thriftier,
        mac_ratio=None if gain is None else gain.fewer_macs,
        pareto=None if accuracy is None else is_on_front,
        executed_as=executed_as(result),
        why=why(result, gain) or None,
    )
