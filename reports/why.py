"""Say in one sentence per result why it is not as fast as its compression promised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports.labels import device_label
from reports.speedup import speedup
from reports.units import BYTES, SECONDS, figure, with_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hwsim.records import Comparison, ExecutedAs, Result, StepEstimate
    from reports.speedup import Speedup

SHORTFALL: Final = 0.9
"""Share of the promised speed-up below which a result owes an explanation."""
TERMS_NAMED: Final = 3
SHARE_NAMED: Final = 0.1
"""A term below this share of the missing time is not worth a word."""
SAME: Final = 0.005
"""Ratios this close to 1 are called the same."""
ORDER: Final[tuple[ExecutedAs, ...]] = ("native", "decoded", "dense_fallback", "unsupported")


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One sentence about one result."""

    model: str
    recipe: str
    device: str
    text: str


def whys(comparison: Comparison) -> tuple[Why, ...]:
    """Return a sentence for each result that does not fit, is not native or gains too little."""
    return tuple(
        Why(model=result.model, recipe=result.recipe, device=device_label(result), text=text)
        for result in comparison.results
        if (text := why(result, speedup(comparison, result)))
    )


def why(result: Result, gain: Speedup | None) -> str:
    """Return the sentence for one result; empty when there is nothing to explain."""
    is_short = gain is not None and _is_short(result, gain)
    reasons = _ways(result)
    missing = _missing(result, gain) if gain is not None and is_short else ""
    causes = [text for text in ("; ".join(reasons), missing) if text]
    if is_short and not causes:
        causes = ["what is lacking is spread evenly over the terms"]
    speed = ": ".join([*_headline(result, gain), "; ".join(causes)]) if causes else ""
    return "; ".join(text for text in (_overflow(result), speed) if text)


def working_steps(result: Result) -> tuple[StepEstimate, ...]:
    """Return the steps that multiply or run other than natively; all where none does."""
    steps = result.estimate.steps
    working = tuple(s for s in steps if s.counts.macs > 0 or s.executed_as != "native")
    return working or steps


def executed_as(result: Result) -> str:
    """Return how the working steps run: `5 native, 3 dense_fallback`."""
    ways = [step.executed_as for step in working_steps(result)]
    return ", ".join(f"{ways.count(way)} {way}" for way in ORDER if way in ways)


def _is_short(result: Result, gain: Speedup) -> bool:
    if result is gain.baseline or gain.faster is None or gain.fewer_macs is None:
        return False
    return gain.faster < SHORTFALL * gain.fewer_macs


def _headline(result: Result, gain: Speedup | None) -> list[str]:
    if gain is None or result is gain.baseline or gain.faster is None or gain.fewer_macs is None:
        return []
    macs, faster = gain.fewer_macs, gain.faster
    promise = "as many effective MACs"
    if abs(macs - 1) > SAME:
        words = "fewer" if macs > 1 else "more"
        promise = f"{figure(max(macs, 1 / macs))}x {words} effective MACs"
    outcome = "equally fast"
    if abs(faster - 1) > SAME:
        words = "faster" if faster > 1 else "slower"
        outcome = f"{figure(max(faster, 1 / faster))}x {words}"
    return [f"{promise}, {outcome}"]


def _ways(result: Result) -> list[str]:
    """Return a clause per way of running other than natively, with its commonest reason."""
    steps = working_steps(result)
    clauses: list[str] = []
    for way in ORDER[1:]:
        reasons = [step.reason for step in steps if step.executed_as == way]
        if reasons:
            clause = f"{len(reasons)} of {len(steps)} layers ran {way}"
            clauses.append(f"{clause}: {_commonest(reasons)}")
    return clauses


def _commonest(reasons: Sequence[str]) -> str:
    distinct = dict.fromkeys(reasons)
    first = max(distinct, key=reasons.count)
    others = len(distinct) - 1
    more = f" (and {others} other reason{'s' if others > 1 else ''})" if others else ""
    return first.rstrip(".") + more


def _missing(result: Result, gain: Speedup) -> str:
    """Name the terms that did not shrink as the multiply-accumulates did.

    Had every term shrunk by the ratio r of the MACs, the latency would be baseline / r. A term's
    part in what is missing is its own time less its baseline's time / r, where that is positive.
    Where fallbacks take most of the time they are the reason, and the terms add nothing.
    """
    fallback_s = _latency_s(s for s in result.estimate.steps if s.executed_as == "dense_fallback")
    if gain.fewer_macs is None or fallback_s > result.latency_s / 2:
        return ""
    before_s = gain.baseline.estimate.terms_s()
    excess_s = {
        term: seconds - before_s.get(term, 0.0) / gain.fewer_macs
        for term, seconds in result.estimate.terms_s().items()
    }
    grown_s = {term: seconds for term, seconds in excess_s.items() if seconds > 0}
    total_s = sum(grown_s.values())
    ranked = sorted(grown_s, key=lambda term: (-grown_s[term], term))[:TERMS_NAMED]
    named = [
        f"{term.replace('_', ' ')} {100 * grown_s[term] / total_s:.0f} %"
        for term in ranked
        if grown_s[term] >= SHARE_NAMED * total_s
    ]
    if not named:
        return ""
    return f"{with_unit(total_s, SECONDS)} did not shrink with the MACs: {', '.join(named)}"


def _latency_s(steps: Iterable[StepEstimate]) -> float:
    return sum(step.latency_s for step in steps)


def _overflow(result: Result) -> str:
    if result.fits:
        return ""
    need = result.estimate.footprint
    ram, flash = need.peak_ram_bytes, need.flash_bytes
    ram_room, flash_room = need.ram_capacity_bytes, need.flash_capacity_bytes
    if need.is_shared:
        return f"does not fit: {_of('memory', ram + flash, ram_room)}"
    lacking = [
        _of(name, bytes_needed, room)
        for name, bytes_needed, room in (("RAM", ram, ram_room), ("flash", flash, flash_room))
        if bytes_needed > room
    ]
    return f"does not fit: {', '.join(lacking)}"


def _of(name: str, need_bytes: int, room_bytes: int) -> str:
    return f"needs {with_unit(need_bytes, BYTES)} of {name}, has {with_unit(room_bytes, BYTES)}"
