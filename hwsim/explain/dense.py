"""Dense: whether the zeros of a result are multiplied, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.explain.figures import head_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import StepEstimate


def multiplies_all(step: StepEstimate) -> bool:
    """Return whether a step that multiplies skips no zero."""
    counts = step.counts
    return counts.macs > 0 and bool(counts.transforms or counts.macs_executed >= counts.macs)


def mostly_dense(steps: Sequence[StepEstimate]) -> bool:
    """Return whether most MACs are those of fallbacks, zeros included."""
    dense = [step for step in steps if step.executed_as == "dense_fallback"]
    macs = sum(step.counts.macs for step in dense if multiplies_all(step))
    return 2 * macs > sum(step.counts.macs for step in steps)


def why_dense(steps: Sequence[StepEstimate]) -> str:
    """Return why these steps multiply all zeros, in the words of the longest that has a reason."""
    told = [step for step in steps if step.executed_as in ("dense_fallback", "decoded")]
    if told:
        return head_of(max(told, key=lambda step: step.latency_s))
    if all(step.format == "dense" for step in steps):
        return "they are stored and multiplied, as no sparse format was asked for"
    return "they are stored and multiplied"
