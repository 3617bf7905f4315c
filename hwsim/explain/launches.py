"""Launches: what a kernel costs before it multiplies anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hwsim.explain.terms import cause_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Cause, StepEstimate

_MOST: Final = 0.5
"""Share of a bar that dearer calls must be to be named instead of it."""


def longer_call(
    before: Sequence[StepEstimate], after: Sequence[StepEstimate], lost_s: float, cause: Cause
) -> str:
    """Return `its call takes 12 us longer` if that is most of what a cause costs; else nothing.

    Args:
        before: Steps of the baseline.
        after: Those of the compressed model; compared with the baseline's of the same name.
        lost_s: Seconds of the bar; of overhead, what it grew by counts.
        cause: Of the bar; only other kernels, other numbers and overhead come of calls.
    """
    if cause not in ("kernel", "numbers", "overhead"):
        return ""
    bar_s = lost_s
    if cause == "overhead":
        lost_s = sum(map(_calls_s, after)) - sum(map(_calls_s, before))
    known = {step.name: step for step in before}
    more = {
        step.name: _calls_s(step) - _calls_s(known[step.name])
        for step in after
        if step.name in known and step.kernel != known[step.name].kernel
    }
    longer = {name: seconds for name, seconds in more.items() if seconds > 0}
    total_s = sum(longer.values())
    if not longer or lost_s <= 0 or total_s < _MOST * lost_s:
        return ""
    each = f"{1e6 * total_s / len(longer):.3g} us longer"
    if len(after) == 1:
        is_most = total_s >= _MOST * bar_s
        before_it = "" if is_most else f"{1e6 * _calls_s(after[0]):.3g} us, "
        return f"its call takes {before_it}{each}"
    if len(longer) == 1:
        return f"the call of {next(iter(longer))} takes {each}"
    return f"the calls of {len(longer)} layers take {each} each"


def _calls_s(step: StepEstimate) -> float:
    return sum(s for term, s in step.terms_s.items() if cause_of(term) == "overhead")
