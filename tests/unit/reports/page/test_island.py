import itertools
import json
import math
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.records import Point, Points, Study
from reports.as_json import Json
from reports.page.island import packed, unpacked
from reports.page.thinning import MOST_POINTS, thinned
from tests.comparisons import HOSTILE, comparison
from tests.studies import point, points, study


def of(made: Study) -> dict[str, Any]:
    return unpacked(packed(made, made.comparison))


def test_what_is_packed_is_the_json_report() -> None:
    """Whole results to the last digit, layers to nine."""
    page, report = of(study()), json.loads(Json().render(comparison()))
    assert (page["version"], page["baseline"]) == (report["hwsim_version"], report["baseline"])
    for own, told in zip(page["results"], report["results"], strict=True):
        accuracy = told.pop("accuracy")
        steps = told.pop("steps")
        told.pop("overflows")
        assert {key: own[key] for key in told} == told
        assert own["top1"] == (accuracy and accuracy["top1"])
        for step, known in zip(own["steps"], steps, strict=True):
            assert {k: step[k] for k in ("name", "op", "reason")} == {
                k: known[k] for k in ("name", "op", "reason")
            }
            assert step["counts"] == known["counts"]
            assert step["latency_s"] == pytest.approx(known["latency_s"], rel=1e-8)
            assert step["terms"] == pytest.approx(known["terms"], rel=1e-8)
            assert step["energy_terms"] == pytest.approx(known["energy_terms"], rel=1e-8)


def test_the_packed_text_cannot_end_its_element() -> None:
    text = packed(study(50), comparison())
    assert not set(text) & set("<>&\"'")
    assert HOSTILE in {result["model"] for result in unpacked(text)["results"]}


def test_baselines_are_places() -> None:
    results = of(study())["results"]
    for result in results:
        base = results[result["baseline"]]
        assert (base["model"], base["label"]) == (result["model"], result["label"])
        assert base["recipe"] == comparison().baseline


@settings(max_examples=20)
@given(name=st.text(max_size=30))
def test_any_name_survives(name: str) -> None:
    made = study()
    first = replace(made.comparison.results[0], model=name)
    odd = replace(made, title=name, comparison=replace(made.comparison, results=(first,)))
    # Lone surrogates become visible before the page is made.
    if name.isprintable():
        assert of(odd)["results"][0]["model"] == name


@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_a_figure_that_json_cannot_say_is_refused(odd: float) -> None:
    made = study(3)
    assert made.points is not None
    first = replace(made.points.points[0], latency_s=odd)
    with pytest.raises(ValueError, match="JSON"):
        of(replace(made, points=Points(axes=made.points.axes, points=(first,))))


def test_many_results_share_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """All keep their figures; what has layers is spread over models and devices."""
    monkeypatch.setattr("reports.page.island.MOST_BYTES", 300_000)
    rng = random.Random(0)
    made = comparison()
    many = tuple(
        replace(
            result,
            recipe=f"{result.recipe}{i}",
            estimate=replace(
                result.estimate,
                steps=tuple(
                    replace(s, terms_s={k: v * rng.random() for k, v in s.terms_s.items()})
                    for s in result.estimate.steps
                    for _ in range(6)
                ),
            ),
        )
        for i in range(8)
        for result in made.results
    )
    page = of(replace(study(), comparison=replace(made, results=many)))
    whole = [result for result in page["results"] if result["steps"]]
    assert 0 < len(whole) == page["whole"] < len(many) == len(page["results"])
    assert {(r["model"], r["label"]) for r in whole} == {
        (r["model"], r["label"]) for r in page["results"]
    }


def naive_front(pairs: list[tuple[float, float]]) -> set[int]:
    """Return the places of the pairs (gain, cost) that no other one beats."""
    return {
        i
        for i, (gain, cost) in enumerate(pairs)
        if not any(g >= gain and c <= cost and (g, c) != (gain, cost) for g, c in pairs)
    }


@pytest.mark.parametrize("seed", range(3))
def test_thinning_keeps_fronts_and_extremes(seed: int) -> None:
    rng = random.Random(seed)
    everything = points(3000, 4)
    shuffled = list(everything.points)
    rng.shuffle(shuffled)
    made = thinned(Points(axes=everything.axes, points=tuple(shuffled)), 600)
    kept = made.points
    assert made.total == 3000
    assert made.held == made.needed > 0
    assert made.refused == sum(p.refused is not None for p in shuffled)
    assert len(kept.points) == 600
    keys = {p.key for p in kept.points}
    for device in {p.device for p in shuffled}:
        own = [p for p in shuffled if p.device == device and p.latency_s is not None]
        for name in ("latency_s", "energy_j", "flash_bytes", "peak_ram_bytes"):
            values = [getattr(p, name) for p in own]
            assert {min(values), max(values)} <= {
                getattr(p, name) for p in kept.points if p.device == device
            }
            front = naive_front([(p.top1 or 0.0, v) for p, v in zip(own, values, strict=True)])
            assert {own[i].key for i in front} <= keys


def test_thinning_leaves_order_and_few_points_alone() -> None:
    few = points(MOST_POINTS)
    assert thinned(few).points == few
    assert thinned(few).total == MOST_POINTS
    kept = thinned(points(9000), 1000).points
    numbers = [int(p.key, 16) for p in kept.points]
    assert numbers == sorted(set(numbers))
    # The sample is even: no stretch of the sweep is without points.
    assert max(b - a for a, b in itertools.pairwise(numbers)) < 40


def staircase(device: str, count: int) -> list[Point]:
    """Return points of which each is on the front of accuracy against every figure."""
    base = replace(point(0, 1), device=device, axes={})
    return [
        replace(
            base, key=f"{device}{i}", top1=i / count, latency_s=1.0 + i, energy_j=1.0 + i,
            flash_bytes=i, peak_ram_bytes=i,
        )
        for i in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("sizes", [(3000, 3000, 3000), (50, 3000, 100, 3000)])
def test_fronts_that_are_too_long_share_the_room(sizes: tuple[int, ...]) -> None:
    rows = [p for i, count in enumerate(sizes) for p in staircase(f"d{i}", count)]
    most = 600
    made = thinned(Points(axes=(), points=tuple(rows)), most)
    assert made.needed == sum(sizes)
    assert most - len(sizes) <= made.held == len(made.points.points) <= most
    for i, count in enumerate(sizes):
        own = [p.top1 or 0.0 for p in made.points.points if p.device == f"d{i}"]
        assert len(own) >= min(count, most // len(sizes) - 1)
        # Both ends, and no stretch of the front without points.
        assert (own[0], own[-1]) == (0.0, (count - 1) / count)
        assert max(b - a for a, b in itertools.pairwise(own)) <= 2 / (len(own) - 1)


def test_points_are_columns() -> None:
    page = of(study(200))["points"]
    assert (page["count"], page["total"]) == (200, 200)
    for i in (0, 7, 199):
        made = point(i, 3)
        assert {axis: page["values"][axis][i] for axis in page["axes"]} == made.axes
        assert page["columns"]["recipe"][i] == made.recipe
        assert page["columns"]["refused"][i] == made.refused
        if made.latency_s is None:
            assert page["columns"]["latency_s"][i] is None
        else:
            assert page["columns"]["latency_s"][i] == pytest.approx(made.latency_s, rel=1e-5)
