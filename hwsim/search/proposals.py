"""Which choice to try next: all of them in turn, or what a sampler expects most of."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Protocol

from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def proposals(space: Space, trials: int, seed: int) -> Proposals:
    """Return every choice where `trials` are enough for all, else what optuna proposes.

    Raises:
        RecipeError: Optuna is needed and not installed.
    """
    if space.size <= trials:
        return Everything(space)
    try:
        from hwsim.search.sampled import Sampled  # optuna takes a second to import
    except ImportError:
        raise RecipeError(
            "search: expected the package optuna, which proposes what to try, got none; "
            f"pip install 'hwsim[search]', or try all of the space with --trials {space.size}"
        ) from None
    return Sampled(space, seed)


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
