"""Proposals of optuna, which learn from every trial; importing this takes a second."""

from __future__ import annotations

import sqlite3
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial
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
        """Fail what a killed process left, and learn what the study does not know.

        What another process has under way looks the same: it adds its trial anew when it is done.
        """
        learned: set[object] = set()
        with _silent():
            for trial in self._study.get_trials(deepcopy=False):
                if trial.state == TrialState.COMPLETE:
                    learned.add(self._space.key(self._space.at(trial.params)))
                elif not trial.state.is_finished():
                    self._end(trial)
        for key, trial in self._known.items():
            if trial.figures and key not in learned:
                self._add(trial)

    def _end(self, left: FrozenTrial) -> None:
        if left.state == TrialState.WAITING:
            self._study.ask(self._axes)
        with suppress(UpdateFinishedTrialError):
            self._study.tell(left.number, state=TrialState.FAIL, skip_if_finished=True)

    def ask(self) -> Choice | None:
        """See `Proposals.ask`."""
        for _ in range(_PATIENCE):
            choice = self._new(self._proposed())
            if choice is not None:
                return choice
        for _ in range(_DRAWS):
            places = self._space.drawn(self._rng)
            if self._space.key(self._space.at(places)) not in self._known:
                self._enqueue(self._space.at(places))
                # Another process may have taken it out of the queue.
                choice = self._new(self._proposed())
                if choice is not None:
                    return choice
        return None

    def _new(self, proposed: Choice) -> Choice | None:
        """Return the choice to try out; None where it is known, which the study then learns."""
        known = self._known.get(self._space.key(proposed))
        if known is None:
            return self._space.canonical(proposed)
        self._learn(known)
        return None

    def tell(self, trial: Trial) -> None:
        """See `Proposals.tell`."""
        self._known[self._space.key(trial.choice)] = trial
        self._learn(trial)

    def _enqueue(self, choice: Choice) -> None:
        """Have this choice asked for next."""
        with _silent():
            self._study.enqueue_trial(self._places_of(choice))

    def _places_of(self, choice: Choice) -> dict[str, int]:
        return {
            axis: [(type(v), v) for v in self._space.axes[axis]].index(
                (type(choice[axis]), choice[axis])
            )
            for axis in self._axes
        }

    def _proposed(self) -> Choice:
        with _silent():
            while True:
                # A search that begins beside this one fails what is under way, also half asked.
                with suppress(UpdateFinishedTrialError):
                    self._asked = self._study.ask(self._axes)
                    return self._space.at(self._asked.params)

    def _learn(self, trial: Trial) -> None:
        if self._asked is None:
            raise ValueError("tell what was asked for")
        with _silent():
            told = self._told(self._asked, trial)
        if trial.figures and told != TrialState.COMPLETE:
            self._add(trial)

    def _told(self, asked: optuna.Trial, trial: Trial) -> TrialState:
        """Tell what came of the trial asked for; return the state in which it now is."""
        values = self._values(trial)
        state = TrialState.COMPLETE if values else TrialState.FAIL
        try:
            for name, excess in self._excesses(trial).items():
                asked.set_constraint(name, excess)
            return self._study.tell(asked, values, state, skip_if_finished=True).state
        except UpdateFinishedTrialError:
            return TrialState.FAIL

    def _add(self, trial: Trial) -> None:
        """Put a finished trial into the study that was not asked for, or that another failed."""
        learned = create_trial(
            params=self._places_of(trial.choice),
            distributions=self._axes,
            values=self._values(trial),
            constraints=self._excesses(trial),
        )
        with _silent():
            self._study.add_trial(learned)

    def _values(self, trial: Trial) -> list[float] | None:
        """Return what is minimized; None of a refused trial."""
        if not trial.figures:
            return None
        return [overall_loss(trial.figures, name) for name in self._space.objectives]

    def _excesses(self, trial: Trial) -> dict[str, float]:
        return excesses(trial.figures, self._space) if trial.figures else {}


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
