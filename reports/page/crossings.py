"""Crossings: speed-up along a numeric axis, such as sparsity, and from where on it pays."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final

from reports.labels import device_label

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from hwsim.records import Comparison, Point, Result, Study

MOST_CURVES: Final = 240
"""Curves that a page has room for; those of most points are kept."""
ROUNDING: Final = 1e-9
"""Of a ratio of two latencies that are equal."""
NUMBER: Final = re.compile(r"([A-Za-z_]\w*)=(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?=[,}|\s]|$)")
"""A setting of a recipe that is a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Latency of one model on one device along one axis, all else equal.

    Attributes:
        axis: Its name.
        model: Its name.
        device: Label, overrides included.
        others: What else makes the curve: the recipe, or values of the other axes.
        xs: Values on the axis, rising.
        latency_s: At each; the median where several points differ in their seed alone.
        reference_s: Latency that speed-ups refer to.
        reference: What that is.
        crossings: Where the speed-up passes 1, interpolated linearly between neighbours.
    """

    axis: str
    model: str
    device: str
    others: str
    xs: tuple[float, ...]
    latency_s: tuple[float, ...]
    reference_s: float
    reference: str
    crossings: tuple[float, ...]


def curves_of(study: Study) -> tuple[Curve, ...]:
    """Return the curves of a sweep's points, or else of recipes that differ in one number."""
    found = [*_of_points(study), *_of_results(study.comparison)]
    kept = sorted(found, key=lambda curve: -len(curve.xs))[:MOST_CURVES]
    return tuple(curve for curve in found if curve in kept)


def has_curves(study: Study) -> bool:
    """Return whether a curve has two points or more."""
    return bool(curves_of(study))


def plain(study: Study) -> list[dict[str, object]]:
    """Return the curves as the page's script reads them."""
    return [asdict(curve) for curve in curves_of(study)]


def crossings(xs: Sequence[float], speedups: Sequence[float]) -> tuple[float, ...]:
    """Return where a polyline through the points passes 1 from one side to the other.

    A point at 1, but for rounding, is on neither side: it counts where those around it are on both.
    """
    points = list(zip(xs, speedups, strict=True))
    sided = [(x, y) for x, y in points if abs(y - 1) > ROUNDING]
    found: list[float] = []
    for (x, y), (right, above) in pairwise(sided):
        if (y < 1) != (above < 1):
            between = [at for at, _ in points if x < at < right]
            found.append(between[0] if between else x + (1 - y) * (right - x) / (above - y))
    return tuple(found)


def _curve(
    axis: str,
    model: str,
    device: str,
    others: str,
    at: Mapping[float, Sequence[float]],
    baseline_s: float | None,
) -> Curve | None:
    xs = sorted(at)
    if len(xs) < 2:
        return None
    latency_s = [median(at[x]) for x in xs]
    reference_s = latency_s[0] if baseline_s is None else baseline_s
    return Curve(
        axis=axis,
        model=model,
        device=device,
        others=others,
        xs=tuple(xs),
        latency_s=tuple(latency_s),
        reference_s=reference_s,
        reference=f"{axis} {xs[0]:g}" if baseline_s is None else "baseline",
        crossings=crossings(xs, [reference_s / own for own in latency_s]),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of_points(study: Study) -> Iterator[Curve]:
    if study.points is None:
        return
    points = [p for p in study.points.points if p.latency_s is not None]
    for axis in study.points.axes:
        numeric = [p for p in points if _is_number(p.axes.get(axis))]
        groups: defaultdict[tuple[str, str, str], list[Point]] = defaultdict(list)
        for point, family in zip(numeric, _families(numeric, axis), strict=True):
            rest = {k: v for k, v in point.axes.items() if k not in (axis, "model", "device")}
            untold = [f"{k} {v}" for k, v in rest.items() if f"={v}" not in family]
            groups[point.model, point.device, ", ".join([family, *untold])].append(point)
        for (model, device, others), own in groups.items():
            at: defaultdict[float, list[float]] = defaultdict(list)
            for point in own:
                at[float(point.axes[axis])].append(point.latency_s or 0.0)
            baseline_s = _baseline_s(study.comparison, own)
            if made := _curve(axis, model, device, others, at, baseline_s):
                yield made


def _families(points: Sequence[Point], axis: str) -> list[str]:
    """Return the recipe of each point without the number that stands for its value on the axis.

    Of recipes that are alike but for numbers, such a number is one that is the value in all of
    them: another setting may happen to have the same value in some.
    """
    alike: defaultdict[str, list[Point]] = defaultdict(list)
    for point in points:
        alike[NUMBER.sub(r"\1=", point.recipe)].append(point)
    filled: dict[str, set[int]] = {}
    for skeleton, own in alike.items():
        numbers = [(p, [float(n[2]) for n in NUMBER.finditer(p.recipe)]) for p in own]
        filled[skeleton] = {
            place
            for place in range(len(numbers[0][1]))
            if all(found[place] == p.axes[axis] for p, found in numbers)
        }
    return [_blanked(p.recipe, filled[NUMBER.sub(r"\1=", p.recipe)]) for p in points]


def _blanked(recipe: str, places: Collection[int]) -> str:
    """Return a recipe with the numbers at these places left out."""
    found = list(enumerate(NUMBER.finditer(recipe)))
    for place, number in reversed(found):
        if place in places:
            recipe = f"{recipe[: number.start(2)]}…{recipe[number.end(2) :]}"
    return recipe


def _baseline_s(comparison: Comparison, points: Sequence[Point]) -> float | None:
    """Return the baseline's latency where it ran as all these points did; None elsewhere."""
    (first, *others) = points
    if comparison.baseline is None or any(p.overrides != first.overrides for p in others):
        return None
    wanted = (first.model, first.device, first.overrides, comparison.baseline)
    found = (
        r.latency_s
        for r in comparison.results
        if (r.model, r.device, r.overrides, r.recipe) == wanted
    )
    return next(found, None)


def _of_results(comparison: Comparison) -> Iterator[Curve]:
    """Yield curves of recipes that are alike but for one number."""
    groups: defaultdict[tuple[str, str, str, str], list[tuple[float, Result]]] = defaultdict(list)
    for result in comparison.results:
        for found in NUMBER.finditer(result.recipe):
            start, end = found.span(2)
            family = f"{result.recipe[:start]}…{result.recipe[end:]}"
            key = (found[1], result.model, device_label(result), family)
            groups[key].append((float(found[2]), result))
    for (axis, model, device, family), own in groups.items():
        baseline = comparison.baseline_of(own[0][1])
        baseline_s = None if baseline is None else baseline.latency_s
        at = {x: [result.latency_s] for x, result in own}
        if made := _curve(axis, model, device, family, at, baseline_s):
            yield made
