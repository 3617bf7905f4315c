"""What the instruments of the page need of each result beside the result: overrides, causes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hwsim.errors import UnsupportedError
from hwsim.explain import attribute
from hwsim.records import SPREAD_SHARE
from hwsim.records.matrix import LEAST_GAIN
from hwsim.records.pricing import LEAST_BACKED, MEASURED_TOO, STAGES, UNCALIBRATED_FACTOR
from reports.explanation.causes import CAUSES_NAMED
from reports.visible import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.records import Cause, Comparison, Result

DIGITS: Final = 12
"""Significant digits of a cause's seconds: the bars must add up."""


def beside_of(full: Comparison) -> list[dict[str, object]]:
    """Return for each result what lies over its profile, and where its speed-up went.

    Args:
        full: With overrides as they were given, which a command line takes.
    """
    return [
        {"set": list(result.overrides), "bars": _bars(full.baseline_of(result), result)}
        for result in full.results
    ]


def words() -> dict[str, object]:
    """Return the label and the meaning of each cause, and what charts are drawn by."""
    named = {cause: [each.label, each.meaning] for cause, each in CAUSES_NAMED.items()}
    return {
        "causes": named,
        "spread_share": SPREAD_SHARE,
        "least_gain": 1 + LEAST_GAIN,
        "pricing": pricing(),
    }


def pricing() -> dict[str, object]:
    """Return the rules by which `scripts/pricing.js` prices a bill again."""
    return {
        "uncalibrated": UNCALIBRATED_FACTOR,
        "least_backed": LEAST_BACKED,
        "measured_too": MEASURED_TOO,
        "stages": STAGES,
    }


def _bars(baseline: Result | None, result: Result) -> dict[str, object] | None:
    """Return the waterfall of a result; None for a baseline, and where a term has no cause."""
    if baseline is None or baseline is result:
        return None
    try:
        found = attribute(baseline, result)
    except UnsupportedError:
        return None
    return {
        "verdict": visible(found.verdict),
        "bars_s": _rounded(found.bars_s),
        "layers": [
            {
                "name": visible(layer.name),
                "before_s": _short(layer.before_s),
                "after_s": _short(layer.after_s),
                "bars_s": _rounded(layer.bars_s),
            }
            for layer in found.layers
        ],
    }


def _rounded(bars_s: Mapping[Cause, float]) -> dict[str, float]:
    return {cause: _short(seconds) for cause, seconds in bars_s.items()}


def _short(seconds: float) -> float:
    return float(f"{seconds:.{DIGITS - 1}e}")
