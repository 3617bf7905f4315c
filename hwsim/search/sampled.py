"""Proposals of optuna, which learn from every trial; importing this takes a second."""

from __future__ import annotations

import sqlite3
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.pool import NullPool

from hwsim.search.figures import overall_loss
from hwsim.search.trial import excesses

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from optuna.distributions import BaseDistribution

    from hwsim.search.space import Choice, Space, Value
    from hwsim.search.trial import Trial

# Proposals of what is known already, in a row, before a new choice is drawn evenly.
_PATIENCE = 16
# Draws that find nothing new: then all but a few choices are known.
_DRAWS = 1000
# Trials drawn evenly before there is a model of good ones, optuna's default.
_STARTUP_TRIALS = 10
# How long to wait for another process's transaction, as `hwsim.store` does.
_WAIT_S = 60.0
_STUDY = "hwsim"


@contextmanager
def sampled(
    space: Space, seed: int, done: Sequence[Trial], database: Path | None
) -> Generator[Sampled]:
    """Give a sampler that knows what was done; close its database afterwards.

    Args:
        space: What may be chosen.
        seed: Of what is drawn.
        done: Trials of before.
        database: SQLite file with the study, or to put it into; in memory where None.
    """
    if database is None:
        yield Sampled(space, seed, done, None)
        return
    storage = _storage(database)
    try:
        yield Sampled(space, seed, done, storage)
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _storage(database: Path) -> RDBStorage:
    def connect() -> sqlite3.Connection:
        # Whatever characters the path has: a URL would give some of them a meaning.
        return sqlite3.connect(database, timeout=_WAIT_S, check_same_thread=False)

    with _silent():
        return RDBStorage(
            "sqlite:///hwsim", engine_kwargs={"creator": connect, "poolclass": NullPool}
        )


class Sampled:
    """Tree-structured Parzen estimators for several objectives, under limits.

    Ozaki et al., "Multiobjective tree-structured Parzen estimator", JAIR 73 (2022), as optuna
    has it. Axes of numbers are searched by place, so that near values teach about each other.
    """

    def __init__(
        self, space: Space, seed: int, done: Sequence[Trial] = (), storage: RDBStorage | None = None
    ) -> None:
        """Begin with trials drawn evenly, or go on with the study of `storage`.

        A sampler's own draws are not kept: it goes on with others than it would have made.
        """
        self._space = space
        drawn = (seed, len(done)) if done else (seed,)
        self._rng = np.random.default_rng(drawn if done else seed)
        self._known: dict[object, Trial] = {space.key(trial.choice): trial for trial in done}
        self._axes = {
            axis: _places(values) for axis, values in space.axes.items() if len(values) > 1
        }
        own = int(np.random.SeedSequence(drawn).generate_state(1)[0]) if done else seed
        with _silent():
            self._study = optuna.create_study(
                directions=[StudyDirection.MINIMIZE for _ in space.objectives],
                sampler=TPESampler(seed=own, n_startup_trials=_STARTUP_TRIALS),
                storage=storage,
                study_name=_STUDY,
                load_if_exists=True,
            )
        self._asked: optuna.Trial | None = None
        self._mend()

    def _mend(self) -> None:
        """Fail what a killed process left, and learn what the study does not know."""
        learned: set[object] = set()
        with _silent():
            for trial in self._study.get_trials(deepcopy=False):
                if trial.state == TrialState.COMPLETE:
                    learned.add(self._space.key(self._space.at(trial.params)))
                elif not trial.state.is_finished():
                    self._end(trial)
        for key, trial in self._known.items():
            if trial.figures and key not in learned:
                self._enqueue(trial.choice)
                self._proposed()
                self._learn(trial)

    def _end(self, left: FrozenTrial) -> None:
        if left.state == TrialState.WAITING:
            self._study.ask(self._axes)
        self._study.tell(left.number, state=TrialState.FAIL)

    def ask(self) -> Choice | None:
        """See `Proposals.ask`."""
        for _ in range(_PATIENCE):
            choice = self._proposed()
            known = self._known.get(self._space.key(choice))
            if known is None:
                return self._space.canonical(choice)
            self._learn(known)
        for _ in range(_DRAWS):
            places = self._space.drawn(self._rng)
            if self._space.key(self._space.at(places)) not in self._known:
                self._enqueue(self._space.at(places))
                return self._space.canonical(self._proposed())
        return None

    def tell(self, trial: Trial) -> None:
        """See `Proposals.tell`."""
        self._known[self._space.key(trial.choice)] = trial
        self._learn(trial)

    def _enqueue(self, choice: Choice) -> None:
        """Have this choice asked for next."""
        places = {
            axis: [(type(v), v) for v in self._space.axes[axis]].index(
                (type(choice[axis]), choice[axis])
            )
            for axis in self._axes
        }
        with _silent():
            self._study.enqueue_trial(places)

    def _proposed(self) -> Choice:
        with _silent():
            self._asked = self._study.ask(self._axes)
        return self._space.at(self._asked.params)

    def _learn(self, trial: Trial) -> None:
        if self._asked is None:
            raise ValueError("tell what was asked for")
        with _silent():
            if not trial.figures:
                self._study.tell(self._asked, state=TrialState.FAIL)
                return
            for name, excess in excesses(trial.figures, self._space).items():
                self._asked.set_constraint(name, excess)
            values = [overall_loss(trial.figures, name) for name in self._space.objectives]
            self._study.tell(self._asked, values)


def _places(values: tuple[Value, ...]) -> BaseDistribution:
    is_ordered = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return (
        IntDistribution(0, len(values) - 1)
        if is_ordered
        else CategoricalDistribution(tuple(range(len(values))))
    )


@contextmanager
def _silent() -> Generator[None]:
    """Keep what optuna reports of its own trials and experiments off the terminal."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
