"""Trials in a store: whatever kills the process, the search goes on where it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import compressors
import hwsim
from hwsim.data import Data
from hwsim.errors import InterchangeError, UnsupportedError
from hwsim.graph import Graph
from hwsim.row import Target
from hwsim.search import Choice, Kept, Space, Trial, attempt, explore, front, judge_on, table
from hwsim.store import Store
from tests.graphs import mlp

TARGETS = [Target(profile=hwsim.device(name)) for name in ("stm32l4r5_tflm", "sparse_pe64_sim")]
NET = mlp()
X = np.random.default_rng(0).standard_normal((20, 4, 4, 3)).astype(np.float32)
DATA = Data(x=X, y=np.arange(20) % 4)
SPACE = Space(
    axes={
        "zeros": tuple(round(0.1 * i, 1) for i in range(5)),
        "bits": (4, 8),
        "odd": (False, True),
    },
    objectives=("latency_s", "accuracy"),
    limits={"accuracy": 0.1},
)
SOME, MORE = 8, 14


def build(choice: Choice) -> Graph:
    if choice["odd"] and choice["bits"] == 4:
        raise UnsupportedError("odd")
    spec = f"prune{{sparsity={choice['zeros']}}}|quantize{{weights={choice['bits']}}}"
    return compressors.parse(spec).apply(NET, Data(x=X))


def kept_in(store: Store, seed: int = 0) -> Kept:
    return Kept(
        store=store,
        identity={"model": "m", "seed": str(seed)},
        axes=tuple(SPACE.axes),
        targets=TARGETS,
        names=lambda choice: ("m", str(dict(choice))),
        data=DATA,
        seed=seed,
    )


def searched(
    path: Path, trials: int, *, resume: bool = False, built: list[Choice] | None = None
) -> Iterator[list[Trial]]:
    """Yield the trials so far, after each new one; the first time those of before."""

    def noted(choice: Choice) -> Graph:
        if built is not None:
            built.append(choice)
        return build(choice)

    with Store.open(path) as store:
        kept = kept_in(store)
        found = kept.begin(resume=resume)
        yield found
        judge = judge_on(TARGETS, DATA)
        for trial in explore(noted, SPACE, judge, trials, done=tuple(found), database=path):
            found = [*found, trial]
            best = {each.number for each in front(found, SPACE)}
            kept.keep(trial, is_best=trial.number in best)
            yield found


def all_of(path: Path, trials: int, *, resume: bool = False) -> list[Trial]:
    *_, found = searched(path, trials, resume=resume)
    return found


def rows(trials: Sequence[Trial]) -> pd.DataFrame:
    return table(trials, SPACE)


def states(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [state for (state,) in connection.execute("SELECT state FROM trials")]


def test_a_store_changes_nothing(tmp_path: Path) -> None:
    kept = all_of(tmp_path / "a.db", SOME)
    plain = list(explore(build, SPACE, judge_on(TARGETS, DATA), SOME))
    pd.testing.assert_frame_equal(rows(kept), rows(plain))


def test_what_is_read_back_is_what_was_judged(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    judged = all_of(path, SOME)
    with Store.open(path) as store:
        again = kept_in(store).begin(resume=True)
        pd.testing.assert_frame_equal(rows(again), rows(judged))
        assert [trial.choice for trial in again] == [trial.choice for trial in judged]
        points, study = store.points(), store.study()
    assert points.axes == tuple(SPACE.axes)
    assert len(points.points) == 2 * SOME == len({point.key for point in points.points})
    assert {point.device for point in points.points} == {t.profile.name for t in TARGETS}
    # Results in full of what was best when it was judged, on all devices; the front among them.
    full = {(result.recipe, result.device) for result in study.comparison.results}
    best = {
        (str(dict(trial.choice)), target.profile.name)
        for trial in front(judged, SPACE)
        for target in TARGETS
    }
    assert best <= full
    assert len(full) < len(points.points)
    assert all(result.detail is not None for result in study.comparison.results)


@pytest.mark.parametrize("cut", [1, 6])
def test_a_search_goes_on_where_it_was_cut(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.db"
    # The generator is left in the middle, its study with a trial that runs.
    *_, before = islice(searched(path, SOME), cut + 1)
    built: list[Choice] = []
    steps = searched(path, MORE, resume=True, built=built)
    restored = next(steps)
    pd.testing.assert_frame_equal(rows(restored), rows(before))
    *_, after = steps
    assert len(after) == MORE
    assert len(built) == MORE - cut
    assert [trial.number for trial in after] == list(range(MORE))
    keys = [SPACE.key(trial.choice) for trial in after]
    assert len(set(keys)) == MORE
    assert "RUNNING" not in states(path)
    assert "WAITING" not in states(path)
    # All that is finished is learned from, also what the study had not heard of.
    assert states(path).count("COMPLETE") >= sum(bool(trial.figures) for trial in after)


def test_a_trial_that_a_kill_left_running_is_failed(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    all_of(path, 3)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE trials SET state = 'RUNNING' WHERE number = 2")
        connection.execute("INSERT INTO trials (number, study_id, state) VALUES (3, 1, 'WAITING')")
        connection.commit()
    after = all_of(path, 6, resume=True)
    assert len(after) == 6
    assert states(path)[2:4] == ["FAIL", "FAIL"]
    assert set(states(path)) <= {"COMPLETE", "FAIL"}


def test_a_whole_space_is_resumed_too(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    *_, before = islice(searched(path, SPACE.size), 6)
    built: list[Choice] = []
    *_, after = searched(path, SPACE.size, resume=True, built=built)
    assert len(built) == SPACE.size - len(before)
    assert [t.choice for t in after] == [
        t.choice for t in explore(build, SPACE, judge_on(TARGETS, DATA), SPACE.size)
    ]
    assert list(searched(path, SPACE.size, resume=True)) == [after]


def test_a_sampler_learns_what_was_tried_in_turn(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    *_, before = islice(searched(path, SPACE.size), 6)
    # Fewer trials than choices: now optuna proposes.
    *_, after = searched(path, 12, resume=True)
    assert len({SPACE.key(trial.choice) for trial in after}) == 12
    assert states(path).count("COMPLETE") >= sum(bool(trial.figures) for trial in before)


def test_another_search_is_not_mixed_in(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    all_of(path, 3)
    with Store.open(path) as store:
        with pytest.raises(InterchangeError, match="this search lives here already; give --resume"):
            kept_in(store).begin(resume=False)
        with pytest.raises(InterchangeError, match=r"another search lives here \(its seed differs"):
            kept_in(store, seed=1).begin(resume=True)
        other = replace(kept_in(store), identity={"model": "m"})
        with pytest.raises(InterchangeError, match=r"\(its seed differs\); give another path"):
            other.begin(resume=True)
    swept = tmp_path / "sweep.db"
    with Store.open(swept) as store:
        store.begin("version: 1\nmodels: [a]\n", ("bits",))
        with pytest.raises(InterchangeError, match="a sweep lives here, not a search"):
            kept_in(store).begin(resume=True)


def test_stages_are_told_apart(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        kept = replace(kept_in(store), has_stages=True)
        kept.begin(resume=False)
        choice: Choice = {"zeros": 0.1, "bits": 8, "odd": False}
        for number, stage in enumerate(("search", "finetuned")):
            trial = attempt(build, judge_on(TARGETS, DATA), number, choice, stage)
            kept.keep(trial, is_best=True)
        again = kept.begin(resume=True)
        assert [(trial.number, trial.stage) for trial in again] == [(0, "search"), (1, "finetuned")]
        assert store.points().axes == (*SPACE.axes, "stage")
        models = [result.model for result in store.study().comparison.results]
        assert models == ["m", "m", "m finetuned", "m finetuned"]
