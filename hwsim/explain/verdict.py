"""Verdict: a sentence or two on what was promised, what came of it, and what took the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hwsim.explain.dense import mostly_dense, multiplies_all, why_dense
from hwsim.explain.figures import (
    PROMISED,
    SAME,
    head_of,
    macs_left,
    numbers_gained,
    percent,
    phrase_of,
    saving_of,
    times,
)
from hwsim.explain.launches import longer_call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.records import Cause, Result

KEPT: Final = 0.9
"""Share of the promised speed-up from which on a promise is kept; its inverse exceeds it."""
NAMED: Final = 3
SHARE_NAMED: Final = 0.1
"""Causes below this share are not worth a word."""
_REMOVES: Final = " removes dead channels: "
"""What the reason of a step says where the runtime took channels out."""


def verdict_of(baseline: Result, result: Result, bars_s: Mapping[Cause, float]) -> str:
    """Return in a sentence or two why `result` is as fast as it is."""
    headline = f"{promise_of(baseline, result)}, {outcome_of(baseline, result)}"
    lost_s = lost_of(bars_s)
    because = _all_of_numbers(baseline, result, lost_s)
    if not because:
        because = f": {_because(baseline, result, bars_s)}"
        # Causes that do not say so would let the reader think that zeros are skipped.
        is_told = "dense_fallback" in largest(lost_s) or not is_promised(baseline, result)
        is_silent = not is_told and mostly_dense(result.estimate.steps)
        because += "; its kernels multiply the zeros anyway" * is_silent
    return f"{headline}{because.rstrip(': ')}.{_removed(baseline, result)}"


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


def is_promised(baseline: Result, result: Result) -> bool:
    """Return whether the effective MACs are other than the baseline's, beyond rounding."""
    left = macs_left(baseline, result)
    return left is not None and abs(left - 1) > PROMISED


def _because(baseline: Result, result: Result, bars_s: Mapping[Cause, float]) -> str:
    left = macs_left(baseline, result)
    promises = is_promised(baseline, result)
    promised_s = baseline.latency_s * (left if left is not None and promises else 1.0)
    lost_s = lost_of(bars_s)
    saved_s: dict[Cause, float] = {
        cause: -s for cause, s in bars_s.items() if s < 0 and cause != "fewer_macs"
    }
    lost = _named(lost_s, baseline, result, is_promised=promises)
    saved = [
        f"{saving_of(cause, baseline, result)} ({percent(share)} of the saved time)"
        for cause, share in largest(saved_s).items()
    ]
    # What was lost is worth a word where something else made up for it.
    but = lost[:1] if saved and sum(lost_s.values()) > SHARE_NAMED * result.latency_s else []
    if promises and KEPT * result.latency_s <= promised_s <= result.latency_s / KEPT:
        return f"as promised. Lost: {but[0]}. Saved: {saved[0]}" if but else "as promised"
    if not promises and outcome_of(baseline, result) == "equally fast":
        return "nothing was promised"
    if result.latency_s > promised_s:
        return "; ".join(lost)
    gained = ("more than promised. Saved: " if promises else "") + "; ".join(saved)
    return ". Lost: ".join([gained, *but])


def _named(
    lost_s: Mapping[Cause, float], baseline: Result, result: Result, *, is_promised: bool
) -> list[str]:
    """Return the largest losses with their shares."""
    return [
        f"{_loss(cause, baseline, result, lost_s[cause])} ({percent(share)} of the "
        f"{'lost' if is_promised else 'added'} time)"
        for cause, share in largest(lost_s).items()
    ]


def _all_of_numbers(baseline: Result, result: Result, lost_s: Mapping[Cause, float]) -> str:
    """Return what to say where zeros are multiplied all the same and other numbers gain it all."""
    gained = numbers_gained(baseline, result)
    steps = [step for step in result.estimate.steps if step.counts.macs]
    is_faster = outcome_of(baseline, result).endswith(" faster")
    if not gained or not is_faster or not is_promised(baseline, result):
        return ""
    if baseline.estimate.macs != result.estimate.macs or not all(map(multiplies_all, steps)):
        return ""
    said = f", all of it from {gained}: the zeros gained nothing, because {why_dense(steps)}"
    rest_s: dict[Cause, float] = {cause: s for cause, s in lost_s.items() if cause != "numbers"}
    first = next(iter(_named(rest_s, baseline, result, is_promised=True)), "")
    is_told = next(iter(largest(rest_s)), "") in ("dense_fallback", "unpacking")
    return said if is_told or not first else f"{said}; {first}"


def _removed(baseline: Result, result: Result) -> str:
    """Return a sentence on the channels that the runtime removed for their zeros."""
    known = {step.name: step.reason for step in baseline.estimate.steps}
    steps = result.estimate.steps
    if all(_REMOVES not in s.reason or s.reason == known.get(s.name) for s in steps):
        return ""
    zeros = [step for step in steps if multiplies_all(step) and step.counts.macs_effective]
    is_left = any(1 - s.counts.macs_effective / s.counts.macs > PROMISED for s in zeros)
    rest = "; the remaining zeros are multiplied" * is_left
    return f" Its compiler removes channels whose weights are all zero{rest}."


def _loss(cause: Cause, baseline: Result, result: Result, lost_s: float) -> str:
    """Return what a cause did, for fallbacks with the reason of the longest step."""
    before, after = baseline.estimate.steps, result.estimate.steps
    longer, phrase = longer_call(before, after, lost_s, cause), phrase_of(cause, baseline, result)
    if longer:
        return f"calls do not shrink, and {longer}" if cause == "overhead" else longer
    steps = [step for step in after if step.executed_as == cause]
    if steps:
        return f"{head_of(max(steps, key=lambda step: step.latency_s))}, so {phrase}"
    if cause == "dense_fallback" and all(s.format == "dense" for s in after):
        return f"{phrase}, as no sparse format was asked for"
    return phrase
