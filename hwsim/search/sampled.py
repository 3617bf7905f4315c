"""Proposals of optuna, which learn from every trial; importing this takes a second."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.study import StudyDirection
from optuna.trial import TrialState

from hwsim.search.space import loss
from hwsim.search.trial import excesses

if TYPE_CHECKING:
    from collections.abc import Generator

    from optuna.distributions import BaseDistribution

    from hwsim.search.space import Choice, Space, Value
    from hwsim.search.trial import Trial

# Proposals of what is known already, in a row, before a new choice is drawn evenly.
_PATIENCE = 16
# Draws that find nothing new: then all but a few choices are known.
_DRAWS = 1000
# Trials drawn evenly before there is a model of good ones, optuna's default.
_STARTUP_TRIALS = 10


class Sampled:
    """Tree-structured Parzen estimators for several objectives, under limits.

    Ozaki et al., "Multiobjective tree-structured Parzen estimator", JAIR 73 (2022), as optuna
    has it. Axes of numbers are searched by place, so that near values teach about each other.
    """

    def __init__(self, space: Space, seed: int) -> None:
        """Begin with trials drawn evenly."""
        self._space = space
        self._rng = np.random.default_rng(seed)
        self._known: dict[object, Trial] = {}
        self._axes = {
            axis: _places(values) for axis, values in space.axes.items() if len(values) > 1
        }
        with _silent():
            self._study = optuna.create_study(
                directions=[StudyDirection.MINIMIZE for _ in space.objectives],
                sampler=TPESampler(seed=seed, n_startup_trials=_STARTUP_TRIALS),
            )
        self._asked: optuna.Trial | None = None

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
                self._study.enqueue_trial({axis: places[axis] for axis in self._axes})
                return self._space.canonical(self._proposed())
        return None

    def tell(self, trial: Trial) -> None:
        """See `Proposals.tell`."""
        self._known[self._space.key(trial.choice)] = trial
        self._learn(trial)

    def _proposed(self) -> Choice:
        with _silent():
            self._asked = self._study.ask(self._axes)
        return self._space.at(self._asked.params)

    def _learn(self, trial: Trial) -> None:
        if self._asked is None:
            raise ValueError("tell what was asked for")
        with _silent():
            if trial.result is None:
                self._study.tell(self._asked, state=TrialState.FAIL)
                return
            for name, excess in excesses(trial.result, self._space).items():
                self._asked.set_constraint(name, excess)
            values = [loss(trial.result, name) for name in self._space.objectives]
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
