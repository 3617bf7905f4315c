"""Find what kept one result from being as fast as its compression promised."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hwsim.explain import attribute, largest, lost_of, phrase_of
from reports.units import BYTES, SECONDS, with_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Cause as Bar
    from hwsim.records import ExecutedAs, Result, StepEstimate
    from reports.speedup import Speedup

SHORTFALL: Final = 0.9
"""Share of the promised speed-up below which a result owes an explanation."""
ORDER: Final[tuple[ExecutedAs, ...]] = ("native", "decoded", "dense_fallback", "unsupported")
LISTED: Final = re.compile(r" \([^()]*\)")
SUMS_NAMED: Final = 3


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
    found = [*_overflow(result), *_narrow_sums(result), *_ways(result)]
    if gain is not None and _is_short(result, gain):
        found += _lost(result, gain.baseline)
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
    words = re.sub(rf" (kernels?) for {re.escape(step.op)}( of [^;]*)?", r" \1", words)
    for word in result.runtime.split():
        words = re.sub(rf"^{re.escape(word)}('s)? ", "", words)
    return words.removeprefix("has ")


def _commonest(reasons: Sequence[str]) -> str:
    distinct = dict.fromkeys(reasons)
    first = max(distinct, key=reasons.count)
    others = len(distinct) - 1
    more = f" (and {others} other reason{'s' if others > 1 else ''})" if others else ""
    return first + more


def _lost(result: Result, baseline: Result) -> list[Cause]:
    """Name what took the time that the effective MACs promised, as `hwsim explain` does.

    What runs other than natively is named already, with its reason; where that is all, nothing is
    added.
    """
    lost_s = lost_of(attribute(baseline, result).bars_s)
    shares = largest(lost_s)
    ways = {step.executed_as for step in working_steps(result)}
    told: set[Bar] = {"dense_fallback"} if "dense_fallback" in ways else set()
    told |= {"unpacking"} if "decoded" in ways else set()
    untold: list[Bar] = [cause for cause in shares if cause not in told]
    if not untold:
        return []
    named = ", ".join(f"{c.replace('_', ' ')} {100 * share:.0f} %" for c, share in shares.items())
    total = with_unit(sum(lost_s.values()), SECONDS)
    return [Cause(phrase_of(untold[0], baseline, result), f"{named} of {total} over")]


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
    named = ", ".join(f"{o.step}: {_percent(o.share)} of sums" for o in worst[:SUMS_NAMED])
    others = len(worst) - SUMS_NAMED
    more = f" and {others} other layer{'s' if others > 1 else ''}" if others > 0 else ""
    return [
        Cause(f"sums do not fit {worst[0].bits} bits, at the cost of accuracy", f"{named}{more}"),
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def _of(name: str, need_bytes: int, room_bytes: int) -> str:
    return f"needs {with_unit(need_bytes, BYTES)} of {name}, has {with_unit(room_bytes, BYTES)}"
