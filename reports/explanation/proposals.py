"""Advice as people read it: what to change, and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports.units import BYTES, JOULES, SECONDS, times, unit_for

if TYPE_CHECKING:
    from hwsim.records import Accuracy, Attribution

UNKNOWN: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One change.

    Attributes:
        change: In words.
        recipe: Spec that does it; empty where there is none.
        latency: With its unit, as the next ones.
        faster: Result's latency over this one's: `1.80x`.
        energy: Of one inference.
        flash: Bytes of weights and code.
        top1: Accuracy in percent; `-` where it is not known.
        top1_change: Points against the result; `-` where one is not known.
        fit: `fits` or `does not fit`; empty where the result and all advice fit.
    """

    change: str
    recipe: str
    latency: str
    faster: str
    energy: str
    flash: str
    top1: str
    top1_change: str
    fit: str


def proposals(attribution: Attribution) -> tuple[Proposal, ...]:
    """Return the advice of one attribution, each column in one unit."""
    found, result = attribution.advice, attribution.result
    if not found:
        return ()
    seconds = unit_for([each.latency_s for each in found], SECONDS)
    joules = unit_for([each.energy_j for each in found], JOULES)
    is_told = not result.fits or not all(each.fits for each in found)
    size = unit_for([each.flash_bytes for each in found], BYTES)
    return tuple(
        Proposal(
            change=each.change,
            recipe=each.recipe,
            latency=f"{seconds.text(each.latency_s)} {seconds.symbol}",
            faster=times(result.latency_s / each.latency_s),
            energy=f"{joules.text(each.energy_j)} {joules.symbol}",
            flash=f"{size.text(each.flash_bytes)} {size.symbol}",
            top1=UNKNOWN if each.accuracy is None else f"{100 * each.accuracy.top1:.1f}",
            top1_change=_points(each.accuracy, result.accuracy),
            fit=("fits" if each.fits else "does not fit") if is_told else "",
        )
        for each in found
    )


def _points(now: Accuracy | None, before: Accuracy | None) -> str:
    if now is None or before is None:
        return UNKNOWN
    # Minus zero would print as -0.0.
    return f"{round(100 * (now.top1 - before.top1), 1) + 0.0:+.1f}"
