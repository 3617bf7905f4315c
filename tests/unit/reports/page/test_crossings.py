"""Curves along a number, and where they pass 1."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.records import Point, Points, Study, Value
from reports.overrides import shortened
from reports.page.crossings import MOST_CURVES, crossings, curves_of
from tests.comparisons import BASELINE, comparison
from tests.studies import point, study

FAMILY = "prune{sparsity=%s}|cut{share=0.5}"


def test_crossings_lie_on_the_line_between_two_points() -> None:
    assert crossings((0.0, 1.0), (0.5, 1.5)) == (0.5,)
    assert crossings((0.0, 0.4, 0.8), (0.9, 1.3, 0.7)) == pytest.approx((0.1, 0.6))
    assert crossings((0.0, 1.0), (1.0, 1.5)) == ()
    assert crossings((0.0, 0.3, 1.0), (0.5, 1.0, 1.5)) == (0.3,)
    assert crossings((0.0, 0.5, 1.0), (0.5, 1.0, 0.5)) == ()
    assert crossings((0.0, 1.0), (1 - 1e-12, 1 + 1e-12)) == ()


@given(st.lists(st.floats(0.1, 10.0), min_size=2, max_size=12))
def test_between_two_crossings_all_points_are_on_one_side(speedups: list[float]) -> None:
    xs = [float(i) for i in range(len(speedups))]
    found = crossings(xs, speedups)
    edges = [-1.0, *found, len(xs) + 1.0]
    assert sorted(found) == list(found)
    for left, right in pairwise(edges):
        own = [s for x, s in zip(xs, speedups, strict=True) if left < x < right]
        sides = {s > 1 for s in own if abs(s - 1) > 1e-9}
        assert len(sides) <= 1


def test_recipes_that_differ_in_one_number_are_a_curve() -> None:
    made = comparison()
    (first, *_) = [r for r in made.results if r.recipe == BASELINE]
    recipes = [f"prune{{structure=2:4,sparsity={s}}}|{BASELINE}" for s in (0.9, 0.25, 0.5)]
    more = tuple(replace(first, recipe=recipe) for recipe in recipes)
    found = curves_of(Study(title="t", comparison=replace(made, results=(first, *more))))
    # The number of bits is one value only: no curve.
    (curve,) = found
    assert (curve.axis, curve.model, curve.device) == ("sparsity", first.model, first.device)
    assert curve.xs == (0.25, 0.5, 0.9)
    assert curve.reference == "baseline"
    assert curve.reference_s == first.latency_s
    assert curve.crossings == ()


def test_points_are_parted_by_all_other_axes() -> None:
    for curve in curves_of(study(400)):
        assert list(curve.xs) == sorted(set(curve.xs))
        assert len(curve.xs) == len(curve.latency_s) >= 2
    ways = {(c.axis, c.model, c.device, c.others) for c in curves_of(study(400))}
    assert len(ways) == len(curves_of(study(400))) <= MOST_CURVES
    assert {axis for axis, *_ in ways} <= {"clock", "sparsity"}


def test_seeds_meet_in_the_median() -> None:
    template = replace(point(0, 1), axes={"sparsity": 0.0}, recipe="prune{sparsity=0.0}")
    measured = {0.0: (4.0, 4.0, 4.0), 0.5: (1.0, 2.0, 9.0)}
    rows = [
        replace(template, axes={"sparsity": x}, recipe=FAMILY % x, seed=seed, latency_s=seconds)
        for x, own in measured.items()
        for seed, seconds in enumerate(own)
    ]
    made = Study(
        title="t",
        comparison=replace(comparison(), results=(), baseline=None),
        points=Points(axes=("sparsity",), points=tuple(rows)),
    )
    (curve,) = curves_of(made)
    assert curve.latency_s == (4.0, 2.0)
    # The other number is 0.5 in all of them.
    assert curve.others == "prune{sparsity=…}|cut{share=0.5}"
    assert (curve.reference, curve.reference_s) == ("sparsity 0", 4.0)


def swept(*rows: Point, axes: tuple[str, ...] = ("sparsity",), baseline: str = "none") -> Study:
    made = replace(comparison(), baseline=baseline)
    return Study(title="t", comparison=made, points=Points(axes=axes, points=rows))


def ran(recipe: str, latency_s: float, seed: int = 0, **axes: Value) -> Point:
    return replace(point(0, 1), recipe=recipe, latency_s=latency_s, seed=seed, axes=axes)


def test_each_batch_has_its_own_baseline() -> None:
    rows = [
        ran(recipe, batch * latency_s, sparsity=sparsity, batch=batch)
        for batch in (1, 8)
        for recipe, sparsity, latency_s in (
            ("none", 0.0, 3.0),
            (FAMILY % 0.25, 0.25, 4.0),
            (FAMILY % 0.5, 0.5, 2.0),
        )
    ]
    found = {curve.others: curve for curve in curves_of(swept(*rows, axes=("sparsity", "batch")))
             if curve.axis == "sparsity"}  # fmt: skip
    assert len(found) == 2
    for others, curve in found.items():
        batch = 8 if "batch 8" in others else 1
        assert (curve.reference, curve.reference_s) == ("baseline", 3.0 * batch)
        assert curve.crossings == pytest.approx((1 / 3,))


def test_a_baseline_is_one_under_the_same_overrides() -> None:
    """As a page shows it, too: there overrides of results are short."""
    over = ("hardware.clock_hz=80000000.0",)
    rows = [
        ran("none", 9.0, sparsity=0.0),
        *(
            replace(ran("none", s, n, sparsity=0.0), overrides=over)
            for n, s in enumerate((1, 5, 3))
        ),
        *(replace(ran(FAMILY % x, 2.0, sparsity=x), overrides=over) for x in (0.25, 0.5)),
    ]
    made = swept(*rows)
    results = tuple(
        replace(r, device=rows[0].device, model=rows[0].model, recipe="none", overrides=over)
        for r in comparison().results[:1]
    )
    made = replace(made, comparison=replace(made.comparison, results=results))
    for shown in (made, replace(made, comparison=shortened(made.comparison))):
        (curve,) = curves_of(shown)
        assert (curve.reference, curve.reference_s) == ("baseline", 3.0)


def test_a_curve_without_a_baseline_names_its_own_first_value() -> None:
    rows = [ran(FAMILY % x, 2.0, sparsity=x) for x in (0.25, 0.5)]
    (curve,) = curves_of(swept(*rows))
    assert (curve.reference, curve.reference_s) == ("sparsity 0.25", 2.0)


def test_the_longest_curves_are_kept_in_their_order() -> None:
    rows = [
        ran(f"r{curve}{{sparsity={x}}}", 1.0, sparsity=x)
        for curve in range(MOST_CURVES + 10)
        for x in (0.1, 0.2, 0.3)[: 2 if curve % 25 == 3 else 3]
    ]
    found = [curve.others for curve in curves_of(swept(*rows))]
    short = {f"r{i}{{sparsity=…}}" for i in range(3, MOST_CURVES + 10, 25)}
    every = [f"r{i}{{sparsity=…}}" for i in range(MOST_CURVES + 10)]
    assert found == [name for name in every if name not in short or name in found]
    assert len(found) == MOST_CURVES
