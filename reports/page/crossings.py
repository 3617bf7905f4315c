"""Crossings: speed-up along a numeric axis, such as sparsity, and from where on it pays."""

from __future__ import annotations

import heapq
import re
from collections import defaultdict
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final, TypeAlias

from reports.labels import device_label
from reports.visible import visible

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from hwsim.records import Comparison, Point, Result, Study

MOST_CURVES: Final = 240
"""Curves that a page has room for; those of most points are kept."""
BATCH: Final = "batch"
"""The axis of samples per inference."""
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
        reference: What that is: the baseline under the same overrides and batch, or else the
            curve's own first value.
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
    """Return the curves of a sweep's points, or else of results whose recipes differ in one number.

    Results of a sweep stand for its points: they make curves only where no points do.

    Args:
        study: Names of its comparison made visible.
    """
    found = [*_of_points(study)] or [*_of_results(study.comparison)]
    kept = heapq.nlargest(MOST_CURVES, range(len(found)), key=lambda i: len(found[i].xs))
    return tuple(found[i] for i in sorted(kept))


def plain(curves: Sequence[Curve]) -> list[dict[str, object]]:
    """Return the curves as the page's script reads them."""
    return [asdict(curve) for curve in curves]


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
    baseline: tuple[str, float] | None,
) -> Curve | None:
    xs = sorted(at)
    if len(xs) < 2:
        return None
    latency_s = [median(at[x]) for x in xs]
    own = (f"{axis} {xs[0]:g}", latency_s[0])
    reference, reference_s = own if baseline is None else baseline
    return Curve(
        axis=visible(axis),
        model=visible(model),
        device=visible(device),
        others=visible(others),
        xs=tuple(xs),
        latency_s=tuple(latency_s),
        reference_s=reference_s,
        reference=visible(reference),
        crossings=crossings(xs, [reference_s / own for own in latency_s]),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of_points(study: Study) -> Iterator[Curve]:
    if study.points is None:
        return
    points = [p for p in study.points.points if p.latency_s is not None]
    baselines = _baselines(study.comparison.baseline, points)
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
            places = {_place(point) for point in own}
            # Where the axis moves the device itself or the batch, no one baseline ran as all did.
            baseline_s = baselines.get(places.pop()) if len(places) == 1 else None
            told = None if baseline_s is None else ("baseline", baseline_s)
            if made := _curve(axis, model, device, others, at, told):
                yield made


Place: TypeAlias = tuple[str, str, tuple[str, ...], object]


def _place(point: Point) -> Place:
    """Return what a point shares with its baseline: model, device, overrides, batch."""
    return point.model, point.device, point.overrides, point.axes.get(BATCH, 1)


def _baselines(baseline: str | None, points: Sequence[Point]) -> dict[Place, float]:
    """Return the latency of the baseline recipe at each place, the median over its seeds."""
    found: defaultdict[Place, list[float]] = defaultdict(list)
    for point in points:
        if baseline is not None and visible(point.recipe) == baseline:
            found[_place(point)].append(point.latency_s or 0.0)
    return {place: median(latency_s) for place, latency_s in found.items()}


def _families(points: Sequence[Point], axis: str) -> list[str]:
    """Return the recipe of each point without the number that stands for its value on the axis.

    Of recipes that are alike but for numbers, such a number is one that is the value in all of
    them: another setting may happen to have the same value in some.
    """
    filled: dict[str, set[int]] = {}
    for point in points:
        skeleton, numbers = _parsed(point.recipe)
        places = filled.setdefault(skeleton, set(range(len(numbers))))
        if places:
            places &= {i for i in places if numbers[i] == point.axes[axis]}
    told = {recipe: filled[_parsed(recipe)[0]] for recipe in {p.recipe for p in points}}
    blanked = {recipe: _blanked(recipe, places) for recipe, places in told.items()}
    return [blanked[point.recipe] for point in points]


@lru_cache(maxsize=1 << 16)
def _parsed(recipe: str) -> tuple[str, tuple[float, ...]]:
    """Return a recipe without its numbers, and these."""
    return NUMBER.sub(r"\1=", recipe), tuple(float(n[2]) for n in NUMBER.finditer(recipe))


def _blanked(recipe: str, places: Collection[int]) -> str:
    """Return a recipe with the numbers at these places left out."""
    found = list(enumerate(NUMBER.finditer(recipe)))
    for place, number in reversed(found):
        if place in places:
            recipe = f"{recipe[: number.start(2)]}…{recipe[number.end(2) :]}"
    return recipe


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
        at = {x: [result.latency_s] for x, result in own}
        if made := _curve(axis, model, device, family, at, _baseline(comparison, own[0][1])):
            yield made


def _baseline(comparison: Comparison, result: Result) -> tuple[str, float] | None:
    """Return the name and the latency of what a result is compared with."""
    found = comparison.baseline_of(result)
    if found is None or found.batch != result.batch:
        return None
    # A device that refuses the baseline is compared with the first recipe that it runs.
    name = "baseline" if found.recipe == comparison.baseline else found.recipe
    return name, found.latency_s
