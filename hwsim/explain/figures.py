"""Figures and phrases that the words of layers and of verdicts share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.records import Cause, Result, StepEstimate

SAME: Final = 0.005
"""Latencies this close by ratio are called the same."""
PROMISED: Final = 0.02
"""Rounding to zero may leave so many weights less; nobody meant that as compression."""

SUBJECTS: Final[Mapping[Cause, str]] = {
    "memory_bound": "the time of waiting for memory",
    "activations": "the time of reading and writing activations",
    "overhead": "the time of calls and launches",
}
"""What has a time of its own, to be held against the MACs."""

COSTS: Final[Mapping[Cause, str]] = {
    "fewer_macs": "there is more to multiply",
    "placement": "the cut fell on layers that take less of the time than of the MACs",
    "tiles": "rounding up to tiles, vectors or blocks, so that it pays in steps",
    "index": "finding the stored weights takes time",
    "zero_checks": "looking for zeros takes time, or zeros keep their slots",
    "gathers": "activations read at looked-up places miss the caches",
    "imbalance": "lanes or units wait for the one that has most to do",
    "unpacking": "weights are unpacked to dense before they are multiplied",
    "numbers": "other numbers are multiplied",
    "dense_fallback": "zeros are stored and multiplied",
    "kernel": "another kernel runs, or a special one saves less",
    "fusion": "ops run apart that the baseline does not have",
    "layout": "tensors are rearranged",
}
"""What every other cause does where it costs time."""

SAVINGS: Final[Mapping[Cause, str]] = {
    "fewer_macs": "there is less to multiply",
    "placement": "the cut fell on layers that take more of the time than of the MACs",
    "tiles": "less is rounded up",
    "index": "less time goes into finding stored weights",
    "zero_checks": "zeros of activations are skipped, or less is looked for",
    "gathers": "fewer activations are fetched from looked-up places",
    "imbalance": "lanes or units wait less for each other",
    "unpacking": "less is unpacked",
    "numbers": "other numbers are multiplied",
    "dense_fallback": "fewer zeros are multiplied",
    "kernel": "another kernel runs, or a special one saves more",
    "fusion": "ops are gone that the baseline runs apart",
    "layout": "less is rearranged",
}
"""Likewise where it saves time."""


def cost_of(cause: Cause, left: float | None) -> str:
    """Return what a cause does where it costs time, with `left` effective MACs of one."""
    return _held_against(cause, left, ("shrinks less", "grows", "grows more")) or COSTS[cause]


def phrase_of(cause: Cause, baseline: Result, result: Result) -> str:
    """Return what a cause does where it costs time, between these two results."""
    if cause == "numbers":
        return _of_numbers(baseline, result) or COSTS[cause]
    if cause == "placement" and _is_light(baseline, result):
        return "layers that multiply nothing take their part of the time"
    if cause == "overhead" and _calls(result) > _calls(baseline):
        return f"{_calls(result)} calls where the baseline has {_calls(baseline)}"
    return cost_of(cause, macs_left(baseline, result))


def saving_of(cause: Cause, baseline: Result, result: Result) -> str:
    """Return what a cause does where it saves time, between these two results."""
    if cause == "numbers":
        return _of_numbers(baseline, result) or SAVINGS[cause]
    verbs = ("shrinks more", "shrinks", "grows less")
    return _held_against(cause, macs_left(baseline, result), verbs) or SAVINGS[cause]


def _held_against(cause: Cause, left: float | None, verbs: tuple[str, str, str]) -> str:
    """Return how a time went beside the MACs: fewer of them, as many, or more."""
    if cause not in SUBJECTS:
        return ""
    fewer, same, more = verbs
    if left is None or abs(left - 1) <= PROMISED:
        return f"{SUBJECTS[cause]} {same}"
    return f"{SUBJECTS[cause]} {fewer if left < 1 else more} than the MACs"


def macs_left(baseline: Result, result: Result) -> float | None:
    """Return the effective MACs of one result over another's; None where that has none."""
    before = baseline.estimate.macs_effective
    return result.estimate.macs_effective / before if before else None


def head_of(step: StepEstimate) -> str:
    """Return the reason of a step without the list of what its runtime takes."""
    return step.reason.partition(" (")[0].partition(";")[0].rstrip(".")


def _of_numbers(baseline: Result, result: Result) -> str:
    own, other = _numbers(result), _numbers(baseline)
    return f"{own} numbers where the baseline has {other}" if own and own != other else ""


def _numbers(result: Result) -> str:
    """Return the numbers that most MACs work on; nothing where nothing multiplies."""
    macs: dict[str, int] = {}
    for step in result.estimate.steps:
        if step.counts.macs:
            macs[step.types] = macs.get(step.types, 0) + step.counts.macs
    return max(macs, key=lambda name: macs[name], default="")


def _calls(result: Result) -> int:
    """Return the kernel calls that take time."""
    return sum(step.latency_s > 0 for step in result.estimate.steps)


def _is_light(baseline: Result, result: Result) -> bool:
    """Return whether placement is mostly the time of layers without MACs, which none can cut."""
    left = macs_left(baseline, result)
    if left is None:
        return False
    own = {step.name: step.counts.macs_effective for step in result.estimate.steps}
    light_s, heavy_s = 0.0, 0.0
    for step in baseline.estimate.steps:
        if not step.counts.macs_effective:
            light_s += step.latency_s * (1 - left)
        elif step.name in own:
            heavy_s += step.latency_s * (own[step.name] / step.counts.macs_effective - left)
    return light_s > max(0.0, heavy_s)


def percent(share: float) -> str:
    """Return a share as `34 %`; small ones with a decimal."""
    whole = 100 * share
    return f"{whole:.0f} %" if whole >= 9.95 else f"{whole:.1f} %"


def times(ratio: float) -> str:
    """Return a ratio as `4.18x`: two decimals below ten, three digits from there on."""
    if ratio < 9.995:
        return f"{ratio:.2f}x"
    digits = max(0, 2 - math.floor(math.log10(float(f"{ratio:.2e}"))))
    return f"{ratio:,.{digits}f}x"
