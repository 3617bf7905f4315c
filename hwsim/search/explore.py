"""The loop: propose, build, judge, learn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from hwsim.errors import HwsimError, RecipeError
from hwsim.evaluation import evaluate
from hwsim.search.proposals import proposals
from hwsim.search.trial import Trial, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.profile import DeviceProfile
    from hwsim.records import Result
    from hwsim.search.space import Choice, Space

Build: TypeAlias = "Callable[[Choice], Graph]"
"""A choice to the graph that would be deployed."""

Judge: TypeAlias = "Callable[[Graph], Result]"
"""A graph to what it costs and how right it is."""


def explore(
    build: Build, space: Space, judge: Judge, trials: int, seed: int = 0
) -> Iterator[Trial]:
    """Yield each trial as soon as it is judged; no two mean the same.

    A space of at most `trials` choices is tried out as a whole, in its own order. What cannot be
    built, or what the device refuses, is a trial with the reason, and never priced.

    Args:
        build: Makes what is judged.
        space: What may be chosen.
        judge: Prices it.
        trials: At most.
        seed: Of what is tried.

    Raises:
        RecipeError: Optuna is needed and not installed, or an accuracy is sought without data.
    """
    proposed = proposals(space, trials, seed)
    for number in range(trials):
        choice = proposed.ask()
        if choice is None:
            return
        trial = attempt(build, judge, number, choice)
        proposed.tell(trial)
        yield trial


def attempt(
    build: Build, judge: Judge, number: int, choice: Choice, stage: str = "search"
) -> Trial:
    """Return the trial of one choice; what raises an error of this package is refused."""
    try:
        graph = build(choice)
        result = judge(graph)
    except HwsimError as error:
        return Trial(number=number, choice=choice, stage=stage, refused=str(error))
    return Trial(number=number, choice=choice, stage=stage, result=result, graph=graph)


def search(
    build: Build,
    space: Space,
    device: DeviceProfile | str,
    data: Data | None = None,
    *,
    trials: int = 50,
    seed: int = 0,
) -> pd.DataFrame:
    """Return one row per trial; `is_pareto` marks those that no other dominates.

    Args:
        build: A choice to the graph that would be deployed.
        space: What may be chosen, what is sought, what must be kept.
        device: From `hwsim.device`, or a profile's name.
        data: Labelled samples that judge; needed where the space speaks of accuracy.
        trials: At most.
        seed: Of what is tried.

    Raises:
        RecipeError: Optuna is needed and not installed, or the accuracy is sought without labels.
        ProfileError: There is no profile of that name.
    """
    require_labels(space, data)
    judge = partial(evaluate, device=device, data=data)
    return table(list(explore(build, space, judge, trials, seed)), space)


def require_labels(space: Space, data: Data | None) -> None:
    """Refuse a space that speaks of accuracy where nothing tells it.

    Raises:
        RecipeError: There is no data, or it has no labels.
    """
    if space.needs_labels and (data is None or data.y is None):
        got = "none" if data is None else f"no y in {data.name}"
        raise RecipeError(
            f"search: expected labelled data that judges the accuracy, got {got}; give --data, or "
            "leave accuracy out of objectives and constraints"
        )
