"""A search's study and its store may live in one file, whichever comes first."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hwsim.store import Store
from tests.points import AXES, point

optuna = pytest.importorskip("optuna")


def search(path: Path, trials: int) -> int:
    """Try some numbers; return how many the study holds."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    study = optuna.create_study(storage=storage, study_name="front", load_if_exists=True)
    for _ in range(trials):
        trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
        study.tell(trial, trial.params["x"] ** 2)
    storage.remove_session()
    storage.engine.dispose()
    return len(study.trials)


@pytest.mark.parametrize("is_study_first", [True, False])
def test_a_study_and_a_store_share_a_file(tmp_path: Path, is_study_first: bool) -> None:
    path = tmp_path / "search.db"
    if is_study_first:
        assert search(path, 2) == 2
    with Store.open(path) as store:
        store.begin("", AXES)
        store.keep([point(0)])
        # While the store is open, and between its commits.
        assert search(path, 2) == (4 if is_study_first else 2)
        store.keep([point(1)])
        assert search(path, 1) == (5 if is_study_first else 3)
    with Store.read(path) as store:
        assert store.points().points == (point(0), point(1))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
