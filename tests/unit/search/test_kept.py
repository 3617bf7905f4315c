"""Trials in a store: whatever kills the process, the search goes on where it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pandas as pd
import pytest

from hwsim.errors import InterchangeError
from hwsim.search import Choice, attempt, explore, front, judge_on
from hwsim.store import Store
from tests.unit.search.harness import (
    DATA,
    MORE,
    SOME,
    SPACE,
    TARGETS,
    all_of,
    build,
    kept_in,
    rows,
    searched,
    states,
)


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


@pytest.mark.parametrize("spec", ["version: 1\nmodels: [a]\n", "", "{}"])
@pytest.mark.parametrize("axes", [tuple(SPACE.axes), ("bits",)])
def test_a_sweep_is_not_taken_up(tmp_path: Path, spec: str, axes: tuple[str, ...]) -> None:
    with Store.open(tmp_path / "sweep.db") as store:
        store.begin(spec, axes)
        with pytest.raises(InterchangeError, match="a sweep lives here, not a search; give anoth"):
            kept_in(store).begin(resume=True)
        assert store.spec() == spec


def test_a_sweep_does_not_take_up_a_search(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        kept_in(store).begin(resume=False)
        with pytest.raises(InterchangeError, match="a search lives here, not a sweep; give anoth"):
            store.begin("", tuple(SPACE.axes))


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
