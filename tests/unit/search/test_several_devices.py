"""Several devices: built once, judged on each, compared by one number per objective."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import compressors
import hwsim
from hwsim.data import Data
from hwsim.errors import RecipeError, UnsupportedError
from hwsim.evaluation import Measured, evaluate, measure
from hwsim.graph import Graph
from hwsim.numerics import Numerics
from hwsim.row import Target, latency_on
from hwsim.search import (
    Choice,
    Figures,
    Space,
    Trial,
    attempt,
    front,
    judge_on,
    price_on,
    search,
    table,
)
from hwsim.search.figures import COSTS, FIGURES, overall
from hwsim.search.trial import violated
from tests.graphs import mlp

NAMES = ("stm32l4r5_tflm", "rpi4_xnnpack", "sparse_pe64_sim")
TARGETS = [Target(profile=hwsim.device(name)) for name in NAMES]
NET = mlp()
X = np.random.default_rng(0).standard_normal((30, 4, 4, 3)).astype(np.float32)
DATA = Data(x=X, y=np.arange(30) % 4)
INTEGERS = compressors.parse("quantize").apply(NET, Data(x=X))


def figures(device: str, latency_s: float, accuracy: float, fits: bool = True) -> Figures:
    return Figures(
        device=device,
        latency_s=latency_s,
        energy_j=1.0,
        peak_ram_bytes=1,
        flash_bytes=1,
        fits=fits,
        accuracy=accuracy,
    )


def test_each_device_gives_what_evaluate_gives() -> None:
    results = tuple(each.result for each in judge_on(TARGETS, DATA)(INTEGERS))
    assert results == tuple(evaluate(INTEGERS, name, DATA) for name in NAMES)


def test_devices_that_round_alike_share_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []

    def counted(graph: Graph, data: Data | None, numerics: Numerics) -> Measured:
        runs.append(numerics.name)
        return measure(graph, data, numerics)

    monkeypatch.setattr("hwsim.search.judging.measure", counted)
    twins = [*TARGETS, Target(profile=hwsim.device(NAMES[0], **{"hardware.clock_hz": 80e6}))]
    judge_on(twins, DATA)(INTEGERS)
    assert len(runs) == len(set(runs)) == 3


def test_what_one_device_refuses_is_refused() -> None:
    # The array has no kernels for floats; the others do.
    with pytest.raises(UnsupportedError, match="sparse_pe64_sim has no f32 kernel"):
        judge_on(TARGETS, DATA)(NET)
    trial = attempt(lambda choice: NET, judge_on(TARGETS, DATA), 0, {"a": 1})
    assert trial.figures == ()
    assert "sparse_pe64_sim" in str(trial.refused)


def test_a_recipe_is_priced_by_the_geometric_mean() -> None:
    each = [latency_on(target.profile)(INTEGERS) for target in TARGETS]
    assert price_on(TARGETS)(INTEGERS) == pytest.approx(np.prod(each) ** (1 / 3))
    assert price_on(TARGETS[:1])(INTEGERS) == each[0]


def test_one_number_stands_for_all_devices() -> None:
    both = (figures("a", 1e-3, 0.9), figures("b", 4e-3, 0.8))
    assert overall(both, "latency_s") == pytest.approx(2e-3)
    assert overall(both, "accuracy") == 0.8
    # Of one device, the figures themselves: not a bit is lost.
    for name in FIGURES:
        assert overall(both[:1], name) == both[0].value(name)
    zero = (*both, figures("c", 0.0, 1.0))
    assert overall(zero, "latency_s") == 0.0


@given(
    st.lists(
        st.tuples(
            *[st.tuples(st.sampled_from([1e-6, 2e-6, 1e-3]), st.sampled_from([0.5, 0.9]))] * 2
        ),
        min_size=1,
        max_size=8,
    )
)
def test_the_front_is_dominated_by_nothing_that_is_better_on_every_device(
    drawn: list[tuple[tuple[float, float], tuple[float, float]]],
) -> None:
    space = Space(axes={"a": (0,)})
    trials = [
        Trial(number=i, choice={"a": 0}, figures=(figures("x", *x), figures("y", *y)))
        for i, (x, y) in enumerate(drawn)
    ]
    best = front(trials, space)
    assert best
    for winner, other in product(best, trials):
        pairs = list(zip(winner.figures, other.figures, strict=True))
        is_faster_everywhere = all(b.latency_s < a.latency_s for a, b in pairs)
        is_as_right = all((b.accuracy or 0) >= (a.accuracy or 0) for a, b in pairs)
        assert not (is_faster_everywhere and is_as_right)


def test_limits_hold_on_every_device_or_on_the_one_they_name() -> None:
    trial = Trial(
        number=0, choice={"a": 0}, figures=(figures("x", 1.0, 0.9), figures("y", 3.0, 0.7))
    )
    kept = {
        ("latency_s", 2.0): False,
        ("latency_s", 3.0): True,
        ("latency_s@x", 2.0): True,
        ("latency_s@y", 2.0): False,
        ("accuracy", 0.8): False,
        ("accuracy@x", 0.8): True,
        ("accuracy@y", 0.8): False,
    }
    for (name, bound), is_kept in kept.items():
        space = Space(axes={"a": (0,)}, limits={name: bound})
        assert violated(trial, space) == (() if is_kept else (name,)), name
    misfit = Trial(
        number=0, choice={}, figures=(figures("x", 1, 1), figures("y", 1, 1, fits=False))
    )
    assert violated(misfit, Space(axes={"a": (0,)})) == ("fits",)


def test_a_graph_is_built_once_and_has_a_row_per_device() -> None:
    built: list[Choice] = []

    def build(choice: Choice) -> Graph:
        built.append(choice)
        return compressors.parse(f"prune{{sparsity={choice['zeros']}}}|quantize").apply(
            NET, Data(x=X)
        )

    space = Space(axes={"zeros": (0.0, 0.5)}, objectives=("latency_s", "flash_bytes"))
    rows = search(build, space, NAMES, DATA)
    assert len(built) == 2
    assert rows["device"].tolist() == [*NAMES, *NAMES]
    assert rows["trial"].tolist() == [0] * 3 + [1] * 3
    same = evaluate(build({"zeros": 0.5}), NAMES[2], DATA)
    (row,) = rows[(rows["zeros"] == 0.5) & (rows["device"] == NAMES[2])].to_dict("records")
    assert [row[name] for name in COSTS] == [getattr(same, name) for name in COSTS]
    # Fewer weights to walk: faster on one device, as fast on the others.
    assert rows["is_pareto"].tolist() == [False] * 3 + [True] * 3
    means = [math.prod(rows[rows["trial"] == trial]["latency_s"].tolist()) for trial in (0, 1)]
    assert means[1] < means[0]


def test_a_refused_trial_is_one_row() -> None:
    space = Space(axes={"a": (0,)}, objectives=("latency_s",))
    rows = table([Trial(number=0, choice={"a": 0}, refused="no")], space)
    assert rows["refused"].tolist() == ["no"]
    assert rows["device"].isna().all()


def test_a_limit_on_a_device_that_does_not_judge_is_refused() -> None:
    space = Space(axes={"a": (0,)}, objectives=("latency_s",), limits={"energy_j@h200": 1.0})
    with pytest.raises(RecipeError, match=r"energy_j@h200 expected a device that judges.*known: s"):
        search(lambda choice: INTEGERS, space, NAMES)
