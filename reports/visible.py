"""Make control characters of names visible, so that no report hands them on to a terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hwsim.records import Comparison, Refusal, Result, StepEstimate

PICTURES: Final = 0x2400
"""Where Unicode draws the 32 control characters of ASCII, in their order."""
DELETE: Final = "\x7f"


def visible(text: str) -> str:
    """Return `text` on one line: ESC becomes its picture, others what Python would write."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _drawn(each) for each in text)


def cleaned(comparison: Comparison) -> Comparison:
    """Return the comparison with every name and reason made visible."""
    return replace(
        comparison,
        results=tuple(_result(result) for result in comparison.results),
        refusals=tuple(_refusal(refusal) for refusal in comparison.refusals),
        baseline=None if comparison.baseline is None else visible(comparison.baseline),
        version=visible(comparison.version),
    )


def _drawn(character: str) -> str:
    if character < " ":
        return chr(PICTURES + ord(character))
    return "␡" if character == DELETE else character.encode("unicode_escape").decode("ascii")


def _result(result: Result) -> Result:
    steps = tuple(_step(step) for step in result.estimate.steps)
    return replace(
        result,
        model=visible(result.model),
        recipe=visible(result.recipe),
        device=visible(result.device),
        device_class=visible(result.device_class),
        runtime=visible(result.runtime),
        overrides=tuple(map(visible, result.overrides)),
        numerics=visible(result.numerics),
        estimate=replace(result.estimate, steps=steps),
        overflows=tuple(replace(o, step=visible(o.step)) for o in result.overflows),
    )


def _step(step: StepEstimate) -> StepEstimate:
    return replace(
        step,
        name=visible(step.name),
        op=visible(step.op),
        kernel=visible(step.kernel),
        reason=visible(step.reason),
    )


def _refusal(refusal: Refusal) -> Refusal:
    return replace(
        refusal,
        model=visible(refusal.model),
        recipe=visible(refusal.recipe),
        device=visible(refusal.device),
        overrides=tuple(map(visible, refusal.overrides)),
        reason=visible(refusal.reason),
    )
