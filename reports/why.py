"""Say why results are not as fast as their compression promised, equal causes once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.explain import outcome_of, promise_of
from reports.causes import causes
from reports.overrides import grouped
from reports.speedup import speedup
from reports.units import times

if TYPE_CHECKING:
    from hwsim.records import Comparison, Result
    from reports.speedup import Speedup


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One cause that held one recipe of one model back, on all devices where it did.

    Attributes:
        model: Its name.
        recipe: Its name.
        promise: `8.40x fewer effective MACs`; empty for the baseline.
        text: Cause, and the devices with what they gained.
    """

    model: str
    recipe: str
    promise: str
    text: str


@dataclass(frozen=True, slots=True)
class _Cause:
    model: str
    recipe: str
    promise: str
    text: str


@dataclass(frozen=True, slots=True)
class _Case:
    result: Result
    faster: float | None
    detail: str


def whys(comparison: Comparison) -> tuple[Why, ...]:
    """Return an item per model, recipe and cause, those of a recipe together."""
    groups: dict[_Cause, list[_Case]] = {}
    order = {name: i for i, name in enumerate(dict.fromkeys(r.recipe for r in comparison.results))}
    for result in sorted(comparison.results, key=lambda result: order[result.recipe]):
        gain = speedup(comparison, result)
        for cause in causes(result, gain):
            key = _Cause(result.model, result.recipe, _promise(result, gain), cause.text)
            case = _Case(result, _faster(result, gain), cause.detail)
            groups.setdefault(key, []).append(case)
    return tuple(
        Why(model=key.model, recipe=key.recipe, promise=key.promise, text=_sentence(key, cases))
        for key, cases in groups.items()
    )


def why(result: Result, gain: Speedup | None) -> str:
    """Return the causes of one result as a sentence; empty when there is nothing to explain."""
    found = [
        f"{cause.text} ({cause.detail})" if cause.detail else cause.text
        for cause in causes(result, gain)
    ]
    if not found:
        return ""
    headline = [text for text in (_promise(result, gain), _outcome(result, gain)) if text]
    return ": ".join(text for text in (", ".join(headline), "; ".join(found)) if text)


def _sentence(cause: _Cause, cases: list[_Case]) -> str:
    details = {case.detail for case in cases}
    shared = details.pop() if len(details) == 1 else ""
    devices: dict[tuple[str, bool], list[_Case]] = {}
    for case in cases:
        devices.setdefault((case.result.device, _is_set(case.result)), []).append(case)
    # A device under many overrides is one place; devices that fared alike are named together.
    groups: dict[tuple[str, str], list[_Case]] = {}
    for own in devices.values():
        detail = "" if shared else _detail(own)
        groups.setdefault((_gains(own), detail), []).extend(own)
    places = "; ".join(
        f"{gains}{', '.join(grouped([case.result for case in same]))}"
        + (f" ({detail})" if detail else "")
        for (gains, detail), same in groups.items()
    )
    text = f"{cause.text} ({shared})" if shared else cause.text
    return ": ".join(part for part in (text, places) if part)


def _is_set(result: Result) -> bool:
    return bool(result.overrides) or result.batch != 1


def _detail(cases: list[_Case]) -> str:
    """Return the detail of one device, with where it holds if not under all its overrides."""
    first = cases[0]
    if all(case.detail == first.detail for case in cases):
        return first.detail
    return f"{first.detail} at {', '.join(first.result.overrides)}"


def _gains(cases: list[_Case]) -> str:
    """Return `1.94x on `, or from the least to the largest gain."""
    known = [case.faster for case in cases if case.faster is not None]
    texts = dict.fromkeys(times(gain) for gain in sorted(known))
    ends = list(texts)[:: max(1, len(texts) - 1)]
    return f"{' .. '.join(ends)} on " if ends else ""


def _faster(result: Result, gain: Speedup | None) -> float | None:
    return None if gain is None or result is gain.baseline else gain.faster


def _promise(result: Result, gain: Speedup | None) -> str:
    if gain is None or result is gain.baseline or gain.fewer_macs is None:
        return ""
    return promise_of(gain.baseline, result)


def _outcome(result: Result, gain: Speedup | None) -> str:
    if gain is None or result is gain.baseline or gain.faster is None:
        return ""
    return outcome_of(gain.baseline, result)
