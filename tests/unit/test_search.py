"""Search: what is tried, what is best, what is refused, and that a sampler learns."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any, TypeAlias, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import compressors
import hwsim
from hwsim.data import Data
from hwsim.errors import RecipeError, UnsupportedError
from hwsim.evaluation import evaluate, priced
from hwsim.graph import Graph
from hwsim.records import Accuracy, Result
from hwsim.search import (
    Choice,
    Space,
    Trial,
    Value,
    explore,
    figures_of,
    front,
    search,
    table,
)
from hwsim.search.explore import Build
from hwsim.search.judging import Judge, Judged
from tests.graphs import GraphBuilder, mlp, samples

DEVICE = "stm32l4r5_tflm"
NET = mlp()
SOME = evaluate(NET, DEVICE)
MADE_OF = priced(NET, hwsim.device(DEVICE))
PLANE = Space(
    axes={"a": tuple(range(12)), "b": tuple(range(12))},
    objectives=("peak_ram_bytes", "accuracy"),
)
# Bytes of any device's memory, and more.
PLENTY, TOO_MUCH = 1_000, 1 << 40


def result(ram_bytes: int, top1: float) -> Result:
    footprint = replace(SOME.estimate.footprint, peak_ram_bytes=ram_bytes)
    estimate = replace(SOME.estimate, footprint=footprint)
    return replace(SOME, estimate=estimate, accuracy=Accuracy(top1=top1, n=100))


def named(choice: Choice) -> Graph:
    """Return a graph that says what was chosen."""
    return replace(NET, name=",".join(str(choice[axis]) for axis in ("a", "b")))


Lines: TypeAlias = dict[tuple[Value, ...], dict[str, Any]]


def lines(rows: pd.DataFrame, *axes: str) -> Lines:
    """Return the rows of a table by what was chosen."""
    found = cast("list[dict[str, Any]]", rows.to_dict("records"))
    return {tuple(line[axis] for axis in axes or ("a", "b")): line for line in found}


def tried(space: Space, trials: int, build: Build = named, seed: int = 0) -> Lines:
    return lines(table(list(explore(build, space, judged(valley), trials, seed)), space))


def judged(figures: Callable[[int, int], tuple[int, float]]) -> Judge:
    """Return a judge of `named` graphs: `figures` of a and b are bytes of RAM and accuracy."""

    def judge(graph: Graph) -> tuple[Judged, ...]:
        a, b = map(int, graph.name.split(","))
        return (Judged(result=result(*figures(a, b)), made_of=MADE_OF),)

    return judge


def valley(a: int, b: int) -> tuple[int, float]:
    """Return bytes that a alone costs, and an accuracy that is best along b = 7."""
    return 100 * (1 + a), (a + 1) / (13 + (b - 7) ** 2)


@given(
    st.lists(
        st.tuples(st.sampled_from([100, 200, 300, TOO_MUCH]), st.sampled_from([0.1, 0.5, 0.9])),
        max_size=12,
    )
)
def test_the_front_is_a_staircase(figures: list[tuple[int, float]]) -> None:
    trials = [
        Trial(number=i, choice={"a": 0, "b": 0}, figures=(figures_of(result(*f)),))
        for i, f in enumerate(figures)
    ]
    trials.append(Trial(number=len(trials), choice={"a": 0, "b": 0}, refused="no"))
    # Another way to find it: by rising bytes, every new height of accuracy.
    steps: list[tuple[int, float]] = []
    for ram, top1 in sorted((f for f in figures if f[0] < TOO_MUCH), key=lambda f: (f[0], -f[1])):
        if not steps or top1 > steps[-1][1] or (ram, top1) == steps[-1]:
            steps.append((ram, top1))
    best = front(trials, PLANE)
    got = [figures[trial.number] for trial in best]
    assert got == steps
    rows = table(trials, PLANE)
    marked = rows["trial"][rows["is_pareto"]].tolist()
    assert sorted(marked) == sorted(trial.number for trial in best)


def test_a_small_space_is_tried_as_a_whole_without_optuna(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "hwsim.search.sampled", raising=False)
    found = list(explore(named, PLANE, judged(valley), PLANE.size))
    assert [(t.choice["a"], t.choice["b"]) for t in found] == [
        (a, b) for a in range(12) for b in range(12)
    ]
    assert {trial.choice["b"] for trial in front(found, PLANE)} == {7}
    with pytest.raises(RecipeError, match=r"pip install 'hwsim\[search\]', or .* --trials 144"):
        next(explore(named, PLANE, judged(valley), PLANE.size - 1))


def test_equal_seeds_try_the_same_and_nothing_twice() -> None:
    tables = [
        table(list(explore(named, PLANE, judged(valley), 40, seed)), PLANE) for seed in (3, 3, 4)
    ]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert not tables[0][["a", "b"]].equals(tables[2][["a", "b"]])
    assert all(len(lines(frame)) == len(frame) == 40 for frame in tables)


def test_the_sampler_learns_where_the_front_lies() -> None:
    found = list(explore(named, PLANE, judged(valley), 60))
    early, late = ([abs(int(t.choice["b"]) - 7) for t in part] for part in (found[:10], found[30:]))
    # Drawn evenly it would be 3.2 all along.
    assert np.mean(late) < 0.8 * np.mean(early)


def test_all_but_the_last_choice_can_be_tried() -> None:
    space = Space(axes={"a": (0, 1, 2), "b": (0, 1, 2)}, objectives=("peak_ram_bytes",))
    found = list(explore(named, space, judged(valley), 8))
    assert len({(t.choice["a"], t.choice["b"]) for t in found}) == 8


def test_choices_that_mean_the_same_are_tried_once() -> None:
    # Where a is 0, b means nothing.
    def canonical(choice: Choice) -> Choice:
        return {"a": choice["a"], "b": 0 if choice["a"] == 0 else choice["b"]}

    for trials, axis in ((9, (0, 1, 2)), (8, (0, 1, 2))):
        space = Space(
            axes={"a": axis, "b": axis}, objectives=("peak_ram_bytes",), canonical=canonical
        )
        found = list(explore(named, space, judged(valley), trials))
        assert len(found) == 7
        assert sum(trial.choice["a"] == 0 for trial in found) == 1


def test_true_and_1_are_two_values() -> None:
    space = Space(axes={"a": (1, True), "b": (0,)}, objectives=("peak_ram_bytes",))

    def build(choice: Choice) -> Graph:
        return named({"a": int(choice["a"]), "b": 0})

    found = [str(trial.choice["a"]) for trial in explore(build, space, judged(valley), 5)]
    assert found == ["1", "True"]


def test_limits_keep_trials_off_the_front() -> None:
    space = replace(PLANE, limits={"peak_ram_bytes": 500.0, "accuracy": 0.2})
    every = tried(space, PLANE.size)
    told = {
        choice: (every[choice]["violated"], every[choice]["is_pareto"])
        for choice in ((4, 7), (5, 7), (0, 7), (5, 0))
    }
    assert told == {
        (4, 7): ("", True),
        (5, 7): ("peak_ram_bytes", False),
        (0, 7): ("accuracy", False),
        (5, 0): ("peak_ram_bytes; accuracy", False),
    }
    # The sampler hears of limits: drawn evenly, 60 of 144 would find 6 of 15 that keep them.
    kept = [
        sum(not line["violated"] for line in part.values()) for part in (every, tried(space, 60))
    ]
    assert kept[0] == 15
    assert kept[1] >= 10


def test_what_does_not_fit_is_beyond_a_limit() -> None:
    space = replace(PLANE, axes={"a": (0, 1), "b": (0,)})
    judge = judged(lambda a, b: (TOO_MUCH, 1.0) if a else (PLENTY, 0.1))
    found = lines(table(list(explore(named, space, judge, 5)), space))
    assert [line["violated"] for line in found.values()] == ["", "fits"]
    assert [line["is_pareto"] for line in found.values()] == [True, False]


@pytest.mark.parametrize("trials", [144, 40])
def test_a_refusal_is_a_row_with_its_reason(trials: int) -> None:
    def build(choice: Choice) -> Graph:
        if int(choice["a"]) % 2:
            raise UnsupportedError(f"no odd {choice['a']}")
        return named(choice)

    found = tried(PLANE, trials, build)
    assert len(found) == trials
    assert {int(a) % 2 for a, _ in found} == {0, 1}
    for (a, _), line in found.items():
        if int(a) % 2:
            assert line["refused"] == f"no odd {a}"
            assert np.isnan(line["peak_ram_bytes"])
            assert not line["is_pareto"]
        else:
            assert pd.isna(line["refused"])
            assert line["peak_ram_bytes"] > 0


def test_finished_trials_are_seen_before_the_next_begin() -> None:
    built: list[Choice] = []

    def build(choice: Choice) -> Graph:
        built.append(choice)
        return named(choice)

    assert len(list(islice(explore(build, PLANE, judged(valley), 50), 3))) == len(built) == 3


def test_search_prices_on_the_device() -> None:
    rng = np.random.default_rng(0)
    data = Data(x=rng.standard_normal((30, 4, 4, 3)), y=np.arange(30) % 4)

    def build(choice: Choice) -> Graph:
        b = GraphBuilder("wide", 1, 4, 4, 3)
        image = b.relu("relu", b.conv("conv", "x", int(choice["width"])))
        graph = b.done(b.linear("fc", b.flat("flat", image), 4))
        recipe = compressors.parse(str(choice["recipe"]))
        return recipe.apply(graph, Data(x=data.x))

    space = Space(axes={"width": (2, 8), "recipe": ("none", "quantize")})
    found = lines(search(build, space, "sparse_pe64_sim", data), "width", "recipe")
    narrow, wide = (found[width, "quantize"] for width in (2, 8))
    assert narrow["latency_s"] < wide["latency_s"]
    same = evaluate(build({"width": 8, "recipe": "quantize"}), "sparse_pe64_sim", data)
    assert (wide["latency_s"], wide["flash_bytes"]) == (same.latency_s, same.flash_bytes)
    assert same.accuracy is not None
    assert wide["accuracy"] == same.accuracy.top1
    assert "has no f32 kernel" in found[8, "none"]["refused"]


def test_accuracy_needs_labels() -> None:
    x = samples(mlp(), 5)[:, 0]
    for data in (None, Data(x=x, name="x.npz")):
        with pytest.raises(RecipeError, match="expected labelled data that judges the accuracy"):
            search(named, PLANE, DEVICE, data)
    space = Space(axes={"a": (1,), "b": (2,)}, objectives=("latency_s",))
    assert search(named, space, DEVICE)["is_pareto"].tolist() == [True]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"axes": {}}, "at least one axis"),
        ({"axes": {"a": ()}}, "axis a expected distinct values"),
        ({"axes": {"a": (1, 1)}}, "axis a expected distinct values"),
        ({"axes": {"latency_s": (1,)}}, "'latency_s' is a figure; rename it"),
        ({"objectives": ()}, "at least one objective"),
        ({"objectives": ("speed",)}, "no objective 'speed'; known: latency_s, energy_j"),
        ({"objectives": ("accuracy", "accuracy")}, "given twice"),
        ({"limits": {"ram": 1.0}}, "no constraint 'ram'; known: latency_s"),
    ],
)
def test_a_space_of_mistakes_is_refused(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        replace(PLANE, **wrong)  # pyright: ignore[reportArgumentType]
