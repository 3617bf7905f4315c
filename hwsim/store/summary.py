"""The comparison that a sweep's kept results make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.records import Comparison, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hwsim.records import Points, Result


def comparison_of(results: tuple[Result, ...], points: Points, version: str) -> Comparison:
    """Return the results, and a refusal for each model, recipe and device without one.

    Args:
        results: In full, of some of the points.
        points: In the order asked for; the recipe of the first one is the baseline, whatever
            finishes first.
        version: Of hwsim.
    """
    return Comparison(
        results=results,
        refusals=_refusals(results, points),
        baseline=points.points[0].recipe if points.points else None,
        version=version,
    )


def first_of_cells(results: Iterable[Result]) -> tuple[Result, ...]:
    """Return the first result of each model, recipe and device: two sweeps at once may tell two."""
    found: dict[tuple[str, str, str], Result] = {}
    for result in results:
        found.setdefault((result.model, result.recipe, result.device), result)
    return tuple(found.values())


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
