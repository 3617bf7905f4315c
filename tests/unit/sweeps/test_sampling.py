"""Axes and samples: ends, places, evenness, seeds, and what is refused."""

from __future__ import annotations

import math
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import RecipeError
from hwsim.sweeps.axes import MOST_POINTS, Listed, Spread, axis_of, check_names, listed
from hwsim.sweeps.from_python import axes_given
from hwsim.sweeps.sampling import Sampling, axes_of_list

AXES = axes_given({
    "bits": [2, 4, 8],
    "scale.clock": {"from": 0.5, "to": 2.0, "scale": "log"},
    "batch": {"from": 1, "to": 4, "whole": True},
})  # fmt: skip


def test_steps_include_both_ends_exactly() -> None:
    linear = axis_of(0.1, 0.7, 4)
    assert isinstance(linear, Listed)
    assert linear.values == (0.1, pytest.approx(0.3), pytest.approx(0.5), 0.7)
    log = axis_of(0.1, 1000.0, 5, "log")
    assert isinstance(log, Listed)
    assert log.values == (0.1, pytest.approx(1), pytest.approx(10), pytest.approx(100), 1000.0)
    assert axis_of(1, 4, 4) == Listed((1, 2, 3, 4))
    assert [type(v) for v in getattr(axis_of(1, 4, 4), "values", ())] == [int] * 4
    assert axis_of(1, 2, 3) == Listed((1, 1.5, 2))
    assert axis_of(1, 64, 5, "log", is_whole=True) == Listed((1, 3, 8, 23, 64))


_ENDS = st.floats(1e-9, 1e12) | st.integers(1, 10**12) | st.sampled_from([0.2, 8, 1234567891])


@given(
    low=_ENDS,
    high=_ENDS,
    steps=st.none() | st.integers(2, 40),
    scale=st.sampled_from(["linear", "log"]),
    is_whole=st.booleans(),
    share=st.floats(0, 1, exclude_max=True),
    sign=st.sampled_from([1, -1]),
)
def test_every_value_lies_between_the_ends(
    low: float,
    high: float,
    steps: int | None,
    scale: Literal["linear", "log"],
    is_whole: bool,
    share: float,
    sign: int,
) -> None:
    if sign < 0 and scale == "linear":
        low = -low
    try:
        axis = axis_of(low, high, steps, scale, is_whole=is_whole)
    except RecipeError:
        assert low >= high or (is_whole and math.ceil(low) > math.floor(high))
        return
    values = axis.values if isinstance(axis, Listed) else (axis.at(share), axis.at(0.0))
    for value in values:
        assert not isinstance(value, str)
        assert low <= value <= high
        assert not is_whole or isinstance(value, int)


def test_rounding_takes_no_value_beyond_an_end() -> None:
    assert axis_of(0.2, 8, 4, "log", is_whole=True) == Listed((1, 2, 8))
    assert Spread(low=1234567891, high=1234567899).at(0) == 1234567891
    assert Spread(low=1234567891, high=1234567899).at(0.5) == 1234567895
    assert Spread(low=0.6, high=3.4, scale="log", is_whole=True).at(0.0) == 1
    with pytest.raises(RecipeError, match="no whole number"):
        axis_of(0.2, 0.9, 4, "log", is_whole=True)


def test_a_grid_takes_all_of_them_the_last_axis_fastest() -> None:
    axes = axes_given({"a": [1, 2], "b": ["x", "y", "z"]})
    choices = Sampling().choices(axes)
    assert [tuple(c.values()) for c in choices] == [
        (1, "x"), (1, "y"), (1, "z"), (2, "x"), (2, "y"), (2, "z"),
    ]  # fmt: skip
    assert Sampling().choices({}) == [{}]


@pytest.mark.parametrize("kind", ["random", "latin_hypercube"])
def test_a_seed_draws_the_same_again_and_another_draws_others(kind: Any) -> None:
    first = Sampling(kind=kind, samples=20, seed=3).choices(AXES)
    assert first == Sampling(kind=kind, samples=20, seed=3).choices(AXES)
    assert first != Sampling(kind=kind, samples=20, seed=4).choices(AXES)
    for choice in first:
        assert choice["bits"] in (2, 4, 8)
        assert 0.5 <= float(choice["scale.clock"]) <= 2.0
        assert choice["batch"] in (1, 2, 3, 4)


def test_a_latin_hypercube_has_one_sample_in_each_of_n_layers_of_each_axis() -> None:
    samples = Sampling(kind="latin_hypercube", samples=12).choices(AXES)
    layers = sorted(int(12 * math.log(float(c["scale.clock"]) / 0.5, 4)) for c in samples)
    assert layers == list(range(12))
    for name, values in (("bits", (2, 4, 8)), ("batch", (1, 2, 3, 4))):
        drawn = [choice[name] for choice in samples]
        assert [drawn.count(value) for value in values] == [12 // len(values)] * len(values)


def test_a_list_takes_points_as_they_are() -> None:
    points = [{"a": 1, "b.c": 2.0}, {"b.c": 3.0, "a": 5}]
    assert Sampling(kind="list", points=points).choices({}) == points
    assert axes_of_list(points) == ("a", "b.c")
    with pytest.raises(RecipeError, match=r"points.1: expected values of a, b.c.*got a"):
        axes_of_list([{"a": 1, "b.c": 2.0}, {"a": 1}])


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no samples": ({"kind": "random"}, "expected samples: N"),
    "samples of a grid": ({"samples": 3}, "grid expected no samples"),
    "none": ({"kind": "random", "samples": 0}, "expected 1 or more"),
    "no points": ({"kind": "list"}, "expected points"),
    "points of a grid": ({"points": [{"a": 1}]}, "grid expected no points"),
    "kind": ({"kind": "sobol"}, "expected grid, random, latin_hypercube or list"),
    "seed": ({"seed": -1}, "seed: expected 0 or more"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_belong_together_is_refused(case: str) -> None:
    given, message = REFUSED[case]
    with pytest.raises(RecipeError, match=message):
        Sampling(**given)


def test_a_grid_cannot_count_through_a_range() -> None:
    with pytest.raises(RecipeError, match=r"axis scale\.clock: a grid expects values or steps"):
        Sampling().choices(AXES)


def test_too_many_points_are_refused_with_their_number() -> None:
    axes = axes_given({"a": list(range(2000)), "b": list(range(501))})
    with pytest.raises(RecipeError, match=f"at most {MOST_POINTS} points, got 1002000; use fewer"):
        Sampling().choices(axes)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "expected a list of values"),
        (3, "expected .VALUE, ....* got 3"),
        ([1, 1], "each value once"),
        ([1, 1.0], "each value once"),
        ([float("nan")], "finite"),
        ([None], "expected numbers, texts"),
        ({"from": 1}, "to: expected a number"),
        ({"from": 2, "to": 1}, "from < to"),
        ({"from": 0, "to": 1, "scale": "log"}, "from > 0"),
        ({"from": 0, "to": 1, "scale": "cubic"}, "linear or log"),
        ({"from": 0, "to": 1, "steps": 1}, "steps: expected 2 to"),
        ({"from": 0, "to": 1, "steps": 2.5}, "steps: expected a whole number"),
        ({"from": 0, "to": float("inf")}, "finite"),
        ({"from": 0.2, "to": 0.8, "whole": True}, "no whole number"),
        ({"from": 0, "to": 1, "step": 1}, "no key 'step'; did you mean steps.* known: from, to"),
    ],
)
def test_what_is_no_axis_is_refused_by_name(given: object, message: str) -> None:
    with pytest.raises(RecipeError, match=f"axis mine: .*{message}"):
        axes_given({"mine": given})


@pytest.mark.parametrize("name", ["latency_s", "model", "seed", "", "a b", "1st", "é", "a\nb"])
def test_names_that_no_table_or_recipe_holds_are_refused(name: str) -> None:
    with pytest.raises(RecipeError, match="axis "):
        check_names([name])


def test_one_and_true_are_two_values() -> None:
    assert listed([1, True]).values == (1, True)
    assert Spread(low=0, high=3, is_whole=True).at(0.999) == 3
