"""The comparison that a sweep's kept results make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.records import Comparison, Refusal

if TYPE_CHECKING:
    from hwsim.records import Points, Result

_UNCOMPRESSED = "none"


def comparison_of(results: tuple[Result, ...], points: Points, version: str) -> Comparison:
    """Return the results, and a refusal for each model, recipe and device without one.

    The baseline is `none` where it has results, otherwise the first recipe that has.
    """
    recipes = [result.recipe for result in results]
    first = recipes[0] if recipes else None
    return Comparison(
        results=results,
        refusals=_refusals(results, points),
        baseline=_UNCOMPRESSED if _UNCOMPRESSED in recipes else first,
        version=version,
    )


def _refusals(results: tuple[Result, ...], points: Points) -> tuple[Refusal, ...]:
    """Return the first refusal of each cell in which no point has figures."""
    priced = {(result.model, result.recipe, result.device) for result in results}
    priced |= {(p.model, p.recipe, p.device) for p in points.points if p.refused is None}
    refusals: dict[tuple[str, str, str], Refusal] = {}
    for point in points.points:
        cell = (point.model, point.recipe, point.device)
        if point.refused is not None and cell not in priced and cell not in refusals:
            refusals[cell] = Refusal(
                model=point.model,
                recipe=point.recipe,
                device=point.device,
                overrides=point.overrides,
                reason=point.refused,
            )
    return tuple(refusals.values())
