"""Verdict: one sentence on what was promised, what came of it, and what took the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hwsim.explain.figures import (
    PROMISED,
    SAME,
    head_of,
    macs_left,
    percent,
    phrase_of,
    saving_of,
    times,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.records import Cause, Result

KEPT: Final = 0.9
"""Share of the promised speed-up from which on a promise is kept; its inverse exceeds it."""
NAMED: Final = 3
SHARE_NAMED: Final = 0.1
"""Causes below this share are not worth a word."""


def verdict_of(baseline: Result, result: Result, bars_s: Mapping[Cause, float]) -> str:
    """Return one sentence that answers why `result` is as fast as it is."""
    headline = f"{promise_of(baseline, result)}, {outcome_of(baseline, result)}"
    because = _because(baseline, result, bars_s)
    return f"{headline}: {because}." if because else f"{headline}."


def promise_of(baseline: Result, result: Result) -> str:
    """Return `8.40x fewer effective MACs`."""
    left = macs_left(baseline, result)
    if left is None:
        return "nothing to multiply in the baseline"
    if not left:
        return "no effective MACs left"
    if abs(1 / left - 1) <= PROMISED:
        return "as many effective MACs"
    return f"{times(max(left, 1 / left))} {'fewer' if left < 1 else 'more'} effective MACs"


def outcome_of(baseline: Result, result: Result) -> str:
    """Return `4.00x faster`."""
    before, after = baseline.latency_s, result.latency_s
    if before == after or (before and after and abs(before / after - 1) <= SAME):
        return "equally fast"
    if not before or not after:
        return "from no time at all" if after else "in no time at all"
    return (
        f"{times(max(before / after, after / before))} {'faster' if after < before else 'slower'}"
    )


def largest(seconds: Mapping[Cause, float]) -> dict[Cause, float]:
    """Return the causes that take most, with their shares of all, the largest first."""
    total = sum(seconds.values())
    ranked = sorted(seconds, key=lambda cause: -seconds[cause])[:NAMED]
    return {
        cause: seconds[cause] / total
        for cause in ranked
        if cause == ranked[0] or seconds[cause] >= SHARE_NAMED * total
    }


def lost_of(bars_s: Mapping[Cause, float]) -> dict[Cause, float]:
    """Return the seconds of what cost time."""
    return {cause: s for cause, s in bars_s.items() if s > 0 and cause != "fewer_macs"}


def _because(baseline: Result, result: Result, bars_s: Mapping[Cause, float]) -> str:
    left = macs_left(baseline, result)
    is_promised = left is not None and abs(left - 1) > PROMISED
    promised_s = baseline.latency_s * (left if left is not None and is_promised else 1.0)
    lost_s = lost_of(bars_s)
    saved_s: dict[Cause, float] = {
        cause: -s for cause, s in bars_s.items() if s < 0 and cause != "fewer_macs"
    }
    lost = [
        f"{_loss(cause, baseline, result)} ({percent(share)} of the "
        f"{'lost' if is_promised else 'added'} time)"
        for cause, share in largest(lost_s).items()
    ]
    saved = [
        f"{saving_of(cause, baseline, result)} ({percent(share)} of the saved time)"
        for cause, share in largest(saved_s).items()
    ]
    # What was lost is worth a word where something else made up for it.
    yet = lost[:1] if saved and sum(lost_s.values()) > SHARE_NAMED * result.latency_s else []
    if is_promised and KEPT * result.latency_s <= promised_s <= result.latency_s / KEPT:
        made_up = saved[:1] if yet else []
        return "; made up for, as ".join([", yet ".join(["as promised", *yet]), *made_up])
    if not is_promised and outcome_of(baseline, result) == "equally fast":
        return "nothing was promised"
    if result.latency_s > promised_s:
        return "; ".join(lost)
    gained = ("more than promised, as " if is_promised else "") + "; ".join(saved)
    return "; yet ".join([gained, *yet])


def _loss(cause: Cause, baseline: Result, result: Result) -> str:
    """Return what a cause did, for fallbacks with the reason of the longest step."""
    phrase = phrase_of(cause, baseline, result)
    steps = [step for step in result.estimate.steps if step.executed_as == cause]
    if steps:
        return f"{head_of(max(steps, key=lambda step: step.latency_s))}, so {phrase}"
    if cause == "dense_fallback" and all(s.format == "dense" for s in result.estimate.steps):
        return f"{phrase}, as no sparse format was asked for"
    return phrase
