"""Which choice to try next: all of them, or what optuna expects most of."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hwsim.errors import RecipeError
from hwsim.search.space import loss
from hwsim.search.trial import excesses

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    import optuna

    from hwsim.search.space import Choice, Space, Value
    from hwsim.search.trial import Trial

# Proposals of what is known already, in a row, before a new choice is drawn at random.
_PATIENCE = 16
# Draws that find nothing new: then all but a few choices are known.
_DRAWS = 1000
# Trials drawn at random before a model of good ones is made: optuna's default is 10.
_STARTUP_TRIALS = 10


class Proposals(Protocol):
    """Proposes choices that differ in meaning, and learns what they are worth."""

    def ask(self) -> Choice | None:
        """Return a choice that was not tried, in canonical form; None where none is left."""
        ...

    def tell(self, trial: Trial) -> None:
        """Learn what the choice last asked for is worth."""
        ...


def proposals(space: Space, trials: int, seed: int) -> Proposals:
    """Return every choice where `trials` are enough for all, else what optuna proposes.

    Raises:
        RecipeError: Optuna is needed and not installed.
    """
    return Everything(space) if space.size <= trials else Sampled(space, seed)


class Everything:
    """All choices, the last axis fastest."""

    def __init__(self, space: Space) -> None:
        """Begin with the first."""
        self._left = _distinct(space)

    def ask(self) -> Choice | None:
        """See `Proposals.ask`."""
        return next(self._left, None)

    def tell(self, trial: Trial) -> None:
        """See `Proposals.tell`; nothing depends on it."""


def _distinct(space: Space) -> Iterator[Choice]:
    seen: set[object] = set()
    for values in product(*space.axes.values()):
        choice = space.canonical(dict(zip(space.axes, values, strict=True)))
        key = space.key(choice)
        if key not in seen:
            seen.add(key)
            yield choice


class Sampled:
    """Tree-structured Parzen estimators for several objectives, under limits.

    Ozaki et al., "Multiobjective tree-structured Parzen estimator", JAIR 73 (2022), as optuna
    has it. Axes of numbers are searched by place, so that near values teach about each other.
    """

    def __init__(self, space: Space, seed: int) -> None:
        """Begin with trials drawn at random.

        Raises:
            RecipeError: Optuna is not installed.
        """
        self._space = space
        self._optuna = _imported()
        self._rng = np.random.default_rng(seed)
        self._known: dict[object, Trial] = {}
        self._axes = {
            axis: self._distribution(values)
            for axis, values in space.axes.items()
            if len(values) > 1
        }
        sampler = self._optuna.samplers.TPESampler(seed=seed, n_startup_trials=_STARTUP_TRIALS)
        with _silent(self._optuna):
            self._study = self._optuna.create_study(
                directions=["minimize"] * len(space.objectives), sampler=sampler
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

    def _distribution(
        self, values: tuple[Value, ...]
    ) -> optuna.distributions.BaseDistribution:
        kinds = self._optuna.distributions
        is_ordered = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
        if is_ordered:
            return kinds.IntDistribution(0, len(values) - 1)
        return kinds.CategoricalDistribution(range(len(values)))

    def _proposed(self) -> Choice:
        with _silent(self._optuna):
            self._asked = self._study.ask(self._axes)
        places: Mapping[str, int] = self._asked.params
        return self._space.at(places)

    def _learn(self, trial: Trial) -> None:
        asked, result = self._asked, trial.result
        if asked is None:
            raise ValueError("tell follows ask")
        with _silent(self._optuna):
            if result is None:
                self._study.tell(asked, state=self._optuna.trial.TrialState.FAIL)
                return
            for name, excess in excesses(result, self._space).items():
                asked.set_constraint(name, excess)
            self._study.tell(asked, [loss(result, name) for name in self._space.objectives])


def _imported() -> optuna:  # pyright: ignore[reportGeneralTypeIssues]
    try:
        import optuna  # most commands never need it, and it takes a second to import
    except ImportError:
        raise RecipeError(
            "search: expected optuna, which proposes what to try, got no such package; "
            "pip install 'hwsim[search]', or give as many --trials as the space has choices"
        ) from None
    return optuna


@contextmanager
def _silent(package: optuna) -> Generator[None]:
    """Keep optuna's reports on its own trials and experiments off the terminal."""
    before = package.logging.get_verbosity()
    package.logging.set_verbosity(package.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", package.exceptions.ExperimentalWarning)
            yield
    finally:
        package.logging.set_verbosity(before)
