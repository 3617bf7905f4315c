"""An explanation with names that no terminal obeys, and as the comparison that it rests on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hwsim.records import Comparison
from reports.overrides import shortened
from reports.visible import cleaned, visible

if TYPE_CHECKING:
    from hwsim.records import Advice, Attribution, Explanation, LayerAttribution


def comparison_of(explanation: Explanation) -> Comparison:
    """Return baselines and results, in pairs, as one comparison."""
    pairs = [(each.baseline, each.result) for each in explanation.attributions]
    return Comparison(
        results=tuple(result for pair in pairs for result in pair),
        refusals=explanation.refusals,
        baseline=explanation.baseline,
        version=explanation.version,
    )


def made_visible(explanation: Explanation) -> Explanation:
    """Return the explanation with every name made visible and overrides made short."""
    shown = shortened(cleaned(comparison_of(explanation)))
    pairs = zip(shown.results[::2], shown.results[1::2], strict=True)
    return replace(
        explanation,
        attributions=tuple(
            replace(
                each,
                baseline=baseline,
                result=result,
                layers=tuple(map(_layer, each.layers)),
                verdict=visible(each.verdict),
                advice=tuple(map(_advice, each.advice)),
            )
            for each, (baseline, result) in zip(explanation.attributions, pairs, strict=True)
        ),
        refusals=shown.refusals,
        baseline=None if explanation.baseline is None else visible(explanation.baseline),
        version=visible(explanation.version),
    )


def stands_in(explanation: Explanation, attribution: Attribution) -> bool:
    """Return whether the device refuses the baseline asked for, so that another stands there."""
    return explanation.baseline not in (None, attribution.baseline.recipe)


def _layer(layer: LayerAttribution) -> LayerAttribution:
    return replace(
        layer, name=visible(layer.name), op=visible(layer.op), words=visible(layer.words)
    )


def _advice(advice: Advice) -> Advice:
    return replace(
        advice,
        change=visible(advice.change),
        recipe=visible(advice.recipe),
        layer=None if advice.layer is None else visible(advice.layer),
    )
