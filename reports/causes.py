"""Find what kept one result from being as fast as its compression promised."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports.units import BYTES, SECONDS, with_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hwsim.records import ExecutedAs, Result, StepEstimate
    from reports.speedup import Speedup

SHORTFALL: Final = 0.9
"""Share of the promised speed-up below which a result owes an explanation."""
TERMS_NAMED: Final = 3
SHARE_NAMED: Final = 0.1
"""A term below this share of the missing time is not worth a word."""
ORDER: Final[tuple[ExecutedAs, ...]] = ("native", "decoded", "dense_fallback", "unsupported")
LISTED: Final = re.compile(r" \([^()]*\)")
TERMS: Final = {
    "call": "the time per kernel call does not shrink",
    "tile_padding": "rounding up to the kernel's tile, so that it pays in steps",
    "imbalance": "lanes in lockstep wait for the fullest one",
    "index": "finding the stored weights takes time",
    "decode": "unpacking the weights takes time",
    "im2col": "gathering patches shrinks less than the MACs",
    "input": "reading inputs shrinks less than the MACs",
    "output": "writing outputs shrinks less than the MACs",
    "mac": "what MACs remain are the dearer ones",
}
"""What a term that does not shrink means; any other is called by its name."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that held a result back.

    Attributes:
        text: The cause; equal on all devices that share it.
        detail: Its size on this device.
    """

    text: str
    detail: str = ""


def causes(result: Result, gain: Speedup | None) -> tuple[Cause, ...]:
    """Return what held a result back, none where it gains as much as it promised."""
    is_short = gain is not None and _is_short(result, gain)
    ways = _ways(result)
    found = [*_overflow(result), *_narrow_sums(result)]
    is_widened = gain is not None and (is_short or bool(ways)) and _is_other_numbers(result, gain)
    if gain is not None and is_widened:
        found.append(
            Cause(f"{_numbers(result)} numbers where the baseline has {_numbers(gain.baseline)}")
        )
    found += ways
    if gain is not None and is_short and not is_widened:
        missing = _missing(result, gain)
        if not missing and not ways:
            missing = [Cause("what is lacking is spread evenly over the terms")]
        found += missing
    return tuple(found)


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


def _is_other_numbers(result: Result, gain: Speedup) -> bool:
    own, before = _numbers(result), _numbers(gain.baseline)
    return bool(own) and bool(before) and own != before


def _numbers(result: Result) -> str:
    """Return the numbers that most MACs work on."""
    macs: dict[str, int] = {}
    for step in result.estimate.steps:
        macs[step.types] = macs.get(step.types, 0) + step.counts.macs
    return max(macs, key=lambda name: macs[name], default="")


def _ways(result: Result) -> list[Cause]:
    """Return a cause per way of running other than natively, with its commonest reason."""
    steps = working_steps(result)
    found: list[Cause] = []
    for way in ORDER[1:]:
        reasons = [_general(step, result) for step in steps if step.executed_as == way]
        if reasons:
            found.append(Cause(_commonest(reasons), f"{len(reasons)} of {len(steps)} layers {way}"))
    return found


def _general(step: StepEstimate, result: Result) -> str:
    """Return the step's reason without what is this runtime's or this op's own.

    So that equal causes are equal texts; the breakdown by layer has the full ones.
    """
    words = LISTED.sub("", step.reason).rstrip(".").replace(f" of {step.op}", "")
    for word in result.runtime.split():
        words = words.removeprefix(f"{word} ")
    return words.removeprefix("has ")


def _commonest(reasons: Sequence[str]) -> str:
    distinct = dict.fromkeys(reasons)
    first = max(distinct, key=reasons.count)
    others = len(distinct) - 1
    more = f" (and {others} other reason{'s' if others > 1 else ''})" if others else ""
    return first + more


def _missing(result: Result, gain: Speedup) -> list[Cause]:
    """Name the terms that did not shrink as the multiply-accumulates did.

    Had every term shrunk by the ratio r of the MACs, the latency would be baseline / r. A term's
    part in what is missing is its own time less its baseline's time / r, where that is positive.
    Where fallbacks take most of the time they are the reason, and the terms add nothing.
    """
    fallback_s = _latency_s(s for s in result.estimate.steps if s.executed_as == "dense_fallback")
    if gain.fewer_macs is None or fallback_s > result.latency_s / 2:
        return []
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
        return []
    first = ranked[0]
    text = TERMS.get(first, f"{first.replace('_', ' ')} shrinks less than the MACs")
    return [Cause(text, f"{', '.join(named)} of {with_unit(total_s, SECONDS)} over")]


def _latency_s(steps: Iterable[StepEstimate]) -> float:
    return sum(step.latency_s for step in steps)


def _overflow(result: Result) -> list[Cause]:
    if result.fits:
        return []
    need = result.estimate.footprint
    ram, flash = need.peak_ram_bytes, need.flash_bytes
    ram_room, flash_room = need.ram_capacity_bytes, need.flash_capacity_bytes
    if need.is_shared:
        return [Cause("does not fit", _of("memory", ram + flash, ram_room))]
    lacking = [
        _of(name, bytes_needed, room)
        for name, bytes_needed, room in (("RAM", ram, ram_room), ("flash", flash, flash_room))
        if bytes_needed > room
    ]
    return [Cause("does not fit", ", ".join(lacking))]


def _narrow_sums(result: Result) -> list[Cause]:
    """Return what the accuracy suffers from where sums leave their register."""
    if not result.overflows:
        return []
    worst = sorted(result.overflows, key=lambda overflow: -overflow.share)
    named = ", ".join(f"{o.step}: {_percent(o.share)} of sums" for o in worst[:TERMS_NAMED])
    others = len(worst) - TERMS_NAMED
    more = f" and {others} other layer{'s' if others > 1 else ''}" if others > 0 else ""
    return [
        Cause(f"sums do not fit {worst[0].bits} bits, at the cost of accuracy", f"{named}{more}"),
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def _of(name: str, need_bytes: int, room_bytes: int) -> str:
    return f"needs {with_unit(need_bytes, BYTES)} of {name}, has {with_unit(room_bytes, BYTES)}"
