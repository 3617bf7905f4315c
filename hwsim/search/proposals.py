"""Which choice to try next: all of them in turn, or what a sampler expects most of."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING, Protocol

from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from hwsim.search.space import Choice, Space
    from hwsim.search.trial import Trial


class Proposals(Protocol):
    """Proposes choices that differ in meaning, and learns what they are worth."""

    def ask(self) -> Choice | None:
        """Return a choice that was not tried, in canonical form; None where none is left."""
        ...

    def tell(self, trial: Trial) -> None:
        """Learn what the choice last asked for is worth."""
        ...


@contextmanager
def proposals(
    space: Space, trials: int, seed: int, done: Sequence[Trial], database: Path | None
) -> Generator[Proposals]:
    """Give every choice where `trials` are enough for all, else what optuna proposes.

    Args:
        space: What may be chosen.
        trials: In all.
        seed: Of the sampler.
        done: Trials of before; none is proposed again.
        database: SQLite file of the sampler's study; in memory where None.

    Raises:
        RecipeError: Optuna is needed and not installed.
    """
    if space.size <= trials:
        yield Everything(space, done)
        return
    try:
        from hwsim.search.sampled import sampled  # optuna takes a second to import
    except ImportError:
        raise RecipeError(
            "search: expected the package optuna, which proposes what to try, got none; "
            f"pip install 'hwsim[search]', or try all of the space with --trials {space.size}"
        ) from None
    with sampled(space, seed, done, database) as proposed:
        yield proposed


class Everything:
    """All choices, the last axis fastest."""

    def __init__(self, space: Space, done: Sequence[Trial] = ()) -> None:
        """Begin with the first that was not done."""
        known = {space.key(trial.choice) for trial in done}
        self._left = (choice for choice in _distinct(space) if space.key(choice) not in known)

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
