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

COSTS: Final[Mapping[Cause, str]] = {
    "fewer_macs": "there is more to multiply",
    "placement": "the cut fell on layers that take less of the time than of the MACs",
    "tiles": "rounding up to the kernel's tile, so that it pays in steps",
    "index": "finding the stored weights takes time",
    "zero_checks": "looking for zeros takes time or slots",
    "gathers": "activations read at looked-up places miss the caches",
    "imbalance": "lanes in lockstep wait for the fullest one",
    "memory_bound": "waiting for memory shrinks less than the MACs",
    "unpacking": "unpacking the weights takes time",
    "numbers": "other numbers are multiplied",
    "dense_fallback": "zeros are stored and multiplied",
    "kernel": "another kernel runs",
    "fusion": "ops run apart that the baseline does not have",
    "layout": "tensors are rearranged",
    "activations": "reading and writing activations shrinks less than the MACs",
    "overhead": "the time per call does not shrink",
}
"""What each cause does where it costs time, once fewer MACs were promised."""

GROWTH: Final[Mapping[Cause, str]] = {
    "memory_bound": "waiting for memory takes longer",
    "activations": "reading and writing activations takes longer",
    "overhead": "calls and launches take longer",
}
"""Likewise where none were, if that is another thing to say."""

SAVINGS: Final[Mapping[Cause, str]] = {
    "fewer_macs": "there is less to multiply",
    "placement": "the cut fell on layers that take more of the time than of the MACs",
    "tiles": "less is rounded up to the kernel's tile",
    "index": "finding the stored weights takes less time",
    "zero_checks": "slots of zeros are saved",
    "gathers": "fewer activations are fetched from looked-up places",
    "imbalance": "lanes wait less for the fullest one",
    "memory_bound": "waiting for memory shrinks more than the MACs",
    "unpacking": "fewer weights are unpacked",
    "numbers": "other numbers are multiplied",
    "dense_fallback": "fewer zeros are multiplied",
    "kernel": "another kernel runs",
    "fusion": "ops are gone that the baseline runs apart",
    "layout": "less is rearranged",
    "activations": "reading and writing activations takes less time",
    "overhead": "calls and launches take less time",
}
"""What each cause does where it saves time."""


def phrase_of(cause: Cause, baseline: Result, result: Result) -> str:
    """Return what a cause does where it costs time, between these two results."""
    if cause == "numbers":
        return _of_numbers(baseline, result) or COSTS[cause]
    if cause == "placement" and _is_light(baseline, result):
        return "layers that multiply nothing take their part of the time"
    left = macs_left(baseline, result)
    is_promised = left is not None and left < 1 - PROMISED
    return COSTS[cause] if is_promised else GROWTH.get(cause, COSTS[cause])


def saving_of(cause: Cause, baseline: Result, result: Result) -> str:
    """Return what a cause does where it saves time, between these two results."""
    return (_of_numbers(baseline, result) if cause == "numbers" else "") or SAVINGS[cause]


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
