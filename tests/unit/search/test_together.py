"""Two processes search with one store: neither takes the other down, and both learn."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import optuna
from optuna.trial import TrialState

from hwsim.search import attempt, judge_on
from hwsim.search.sampled import sampled
from tests.unit.search.harness import DATA, MORE, SOME, SPACE, TARGETS, build, searched, states


def test_two_searches_of_one_store_both_finish(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    first = searched(path, SOME)
    # Each has a trial under way when the other begins or asks.
    *_, before = islice(first, 3)
    *_, of_second = islice(searches := searched(path, MORE, resume=True), 3)
    *_, of_first = first
    *_, of_second = searches
    assert (len(of_first), len(of_second)) == (SOME, MORE)
    assert of_first[: len(before)] == before
    told = states(path)
    assert told.count("COMPLETE") >= sum(bool(trial.figures) for trial in of_second)
    assert set(told) <= {"COMPLETE", "FAIL"}


def test_a_trial_that_another_failed_is_learned_as_it_came_out(tmp_path: Path) -> None:
    space = replace(SPACE, limits={"accuracy": 0.99})
    for name in ("alone", "failed"):
        path = tmp_path / name
        with sampled(space, 0, (), path) as sampler:
            asked = sampler.ask()
            assert asked is not None
            if name == "failed":
                with sampled(space, 0, (), path):
                    assert states(path) == ["FAIL"]
            sampler.tell(attempt(build, judge_on(TARGETS, DATA), 0, asked))
    assert learned(tmp_path / "failed") == learned(tmp_path / "alone")


def learned(path: Path) -> list[object]:
    """Return what an optuna study knows of finished trials."""
    study = optuna.load_study(study_name="hwsim", storage=f"sqlite:///{path}")
    known = study.get_trials(states=(TrialState.COMPLETE,))
    assert known
    return [(trial.params, trial.values, trial.constraints) for trial in known]
