"""What compression promised over the baseline, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hwsim.records import Comparison, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Speedup:
    """A result beside the baseline of its model and device.

    Attributes:
        baseline: What it is compared with; may be the result itself.
        faster: Baseline's latency over the result's.
        thriftier: Baseline's energy over the result's.
        fewer_macs: Baseline's effective multiply-accumulates over the result's. Effective on both
            sides: a baseline that is sparse already has little left to promise.
    """

    baseline: Result
    faster: float | None
    thriftier: float | None
    fewer_macs: float | None


def speedup(comparison: Comparison, result: Result) -> Speedup | None:
    """Return the comparison with the baseline; None when there is none.

    A ratio to zero is None: it is not known, and it is not infinite.
    """
    baseline = comparison.baseline_of(result)
    if baseline is None:
        return None
    return Speedup(
        baseline=baseline,
        faster=_ratio(baseline.latency_s, result.latency_s),
        thriftier=_ratio(baseline.energy_j, result.energy_j),
        fewer_macs=_ratio(baseline.estimate.macs_effective, result.estimate.macs_effective),
    )


def _ratio(before: float, after: float) -> float | None:
    return before / after if before > 0 and after > 0 else None
