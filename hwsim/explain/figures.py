"""Figures and phrases that the words of layers and of verdicts share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from hwsim.explain.lanes import BROADCAST
from hwsim.explain.terms import cause_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.records import Cause, Estimate, Result, StepEstimate

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


def subject_of(cause: Cause, device_class: str) -> str:
    """Return what has a time of its own; empty for causes that have none."""
    is_small = cause == "overhead" and device_class == "mcu"
    return "the fixed cost per layer" if is_small else SUBJECTS.get(cause, "")


def held_against(subject: str, left: float | None, spent: tuple[float, float]) -> str:
    """Return how a time that costs went beside the MACs, of which `left` are left.

    Args:
        subject: What has that time.
        left: Effective MACs of one; None where the baseline has none.
        spent: Its seconds before and after.
    """
    before_s, after_s = spent
    if before_s and abs(after_s / before_s - 1) <= SAME:
        bare = subject.removeprefix("the time of ")
        return f"{bare} {'take' if bare.endswith('launches') else 'takes'} the same time as before"
    if after_s > before_s:
        is_more = left is not None and left > 1 + PROMISED
        return f"{subject} grows" + " more than the MACs" * is_more
    return f"{subject} shrinks less than the MACs"


def phrase_of(cause: Cause, baseline: Result, result: Result) -> str:
    """Return what a cause does where it costs time, between these two results."""
    if cause == "numbers":
        return _of_numbers(baseline, result) or COSTS[cause]
    if cause == "placement" and _is_light(baseline, result):
        return of_light_layers(baseline, result)
    if cause == "zero_checks":
        return of_zero_checks(baseline.estimate.steps, result.estimate.steps) or COSTS[cause]
    if cause == "overhead" and _calls(result) > _calls(baseline):
        return f"{_calls(result)} calls where the baseline has {_calls(baseline)}"
    if subject := subject_of(cause, result.device_class):
        spent = seconds_of(cause, baseline.estimate), seconds_of(cause, result.estimate)
        return held_against(subject, macs_left(baseline, result), spent)
    return COSTS[cause]


def seconds_of(cause: Cause, estimate: Estimate) -> float:
    """Return the seconds of the terms that stand for a cause."""
    return sum(s for term, s in estimate.terms_s().items() if cause_of(term) == cause)


def saving_of(cause: Cause, baseline: Result, result: Result) -> str:
    """Return what a cause does where it saves time, between these two results."""
    if cause == "numbers":
        return _of_numbers(baseline, result) or SAVINGS[cause]
    subject, left = subject_of(cause, result.device_class), macs_left(baseline, result)
    if not subject:
        return SAVINGS[cause]
    if left is None or abs(left - 1) <= PROMISED:
        return f"{subject} shrinks"
    return f"{subject} {'shrinks more' if left < 1 else 'grows less'} than the MACs"


def of_zero_checks(before: Sequence[StepEstimate], after: Sequence[StepEstimate]) -> str:
    """Return what seeing zeros costs: slots that stay, activations that are zero less often."""
    counts = [step.counts for step in after]
    gated, issued = sum(c.macs_gated for c in counts), sum(c.macs_issued for c in counts)
    met, met_before = _zeros_met(after), _zeros_met(before)
    left = sum(c.macs_effective for c in counts)
    densities = (
        f"activations: {percent(met)} of weight MACs meet a zero, {percent(met_before)} before"
    )
    if (met_before - met) * left > gated:
        return densities
    if gated:
        share = percent(gated / issued)
        elements = max(s.channel_tile[1] for s in after if s.counts.macs_gated)
        if any(BROADCAST in s.reason for s in after):
            return (
                f"each activation is broadcast to all {elements} elements and takes a cycle in "
                f"each, and {share} of the slots find no weight for it"
                + f"; {densities}"
                * (met_before - met > PROMISED)
            )
        return f"zeros are seen, and take {share} of the slots all the same"
    checks = sum(c.checks for c in counts)
    return f"{checks:,} operands are looked at to find zeros" if checks else ""


def _zeros_met(steps: Sequence[StepEstimate]) -> float:
    """Return the share of products of a weight that is not zero that a zero activation spares."""
    seen = [s.counts for s in steps if s.counts.macs_executed < s.counts.macs_effective]
    seen = [c for c in seen if not c.transforms]
    all_macs = sum(s.counts.macs_effective for s in steps)
    return sum(c.macs_effective - c.macs_executed for c in seen) / all_macs if all_macs else 0.0


def macs_left(baseline: Result, result: Result) -> float | None:
    """Return the effective MACs of one result over another's; None where that has none."""
    before = baseline.estimate.macs_effective
    return result.estimate.macs_effective / before if before else None


def head_of(step: StepEstimate) -> str:
    """Return the reason of a step without the list of what its runtime takes."""
    return step.reason.partition(" (")[0].partition(";")[0].rstrip(".")


def numbers_gained(baseline: Result, result: Result) -> str:
    """Return the integers that a result multiplies where the baseline has reals; else nothing."""
    own, other = _numbers(result), _numbers(baseline)
    is_integer = bool(own) and not own.startswith("f32")
    return name_of(own) if is_integer and other.startswith("f32") else ""


def _of_numbers(baseline: Result, result: Result) -> str:
    own, other = _numbers(result), _numbers(baseline)
    return f"{name_of(own)} instead of {name_of(other)}" if own and own != other else ""


def name_of(types: str) -> str:
    """Return types as programs name them: `int8`, `float`, `int8 x int4`."""
    if types.startswith("f32w") or types == "f32":
        return f"float x int{types[4:]}" if types[4:] else "float"
    activation, _, weight = types.removesuffix("g").partition("x")
    first = "float" if activation == "f32" else f"int{activation}"
    return first if first == f"int{weight}" else f"{first} x int{weight}"


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


def of_light_layers(baseline: Result, result: Result) -> str:
    """Return how the time of layers without weights went."""
    before_s, after_s = (
        sum(step.latency_s for step in one.estimate.steps if not step.counts.macs)
        for one in (baseline, result)
    )
    light = "adds, pooling and other layers without weights"
    if abs(after_s - before_s) <= 4 * SAME * before_s:
        return f"{light} take as long as before"
    return f"{light} {'shrink less than the MACs' if after_s < before_s else 'take longer'}"


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
