"""The loop: propose, build, judge, learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from hwsim.errors import HwsimError, RecipeError
from hwsim.profile import DeviceProfile, load_profile
from hwsim.row import Target
from hwsim.search.figures import figures_of
from hwsim.search.judging import judge_on
from hwsim.search.proposals import proposals
from hwsim.search.trial import Trial, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd

    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.search.judging import Judge
    from hwsim.search.space import Choice, Space

Build: TypeAlias = "Callable[[Choice], Graph]"
"""A choice to the graph that would be deployed."""

SEARCHED = "search"
"""The stage of trials that were proposed."""


def explore(
    build: Build,
    space: Space,
    judge: Judge,
    trials: int,
    seed: int = 0,
    *,
    done: Sequence[Trial] = (),
    database: Path | None = None,
) -> Iterator[Trial]:
    """Yield each new trial as soon as it is judged; no two mean the same.

    A space of at most `trials` choices is tried out as a whole, in its own order. What cannot be
    built, or what a device refuses, is a trial with the reason, and never priced.

    Args:
        build: Makes what is judged.
        space: What may be chosen.
        judge: Prices it.
        trials: At most, with those of `done` that were proposed.
        seed: Of what is tried.
        done: Trials of before, by rising number: they are learned from, not done again.
        database: SQLite file in which the sampler keeps its study; in memory where None.

    Raises:
        RecipeError: Optuna is needed and not installed, or an accuracy is sought without data.
    """
    proposed_before = [trial for trial in done if trial.stage == SEARCHED]
    left = trials - len(proposed_before)
    if left <= 0:
        return
    with proposals(space, trials, seed, proposed_before, database) as proposed:
        for number in range(len(done), len(done) + left):
            choice = proposed.ask()
            if choice is None:
                return
            trial = attempt(build, judge, number, choice)
            # Whoever keeps trials keeps this one before the sampler hears of it: a trial that only
            # the sampler knows would be lost.
            yield trial
            proposed.tell(trial)


def attempt(
    build: Build, judge: Judge, number: int, choice: Choice, stage: str = SEARCHED
) -> Trial:
    """Return the trial of one choice; what raises an error of this package is refused."""
    try:
        graph = build(choice)
        judged = judge(graph)
    except HwsimError as error:
        return Trial(number=number, choice=choice, stage=stage, refused=str(error))
    return Trial(
        number=number,
        choice=choice,
        stage=stage,
        figures=tuple(figures_of(each.result) for each in judged),
        results=tuple(each.result for each in judged),
        made_of=tuple(each.made_of for each in judged),
        graph=graph,
    )


def search(
    build: Build,
    space: Space,
    device: DeviceProfile | str | Sequence[DeviceProfile | str],
    data: Data | None = None,
    *,
    trials: int = 50,
    seed: int = 0,
) -> pd.DataFrame:
    """Return one row per trial and device; `is_pareto` marks trials that no other dominates.

    Args:
        build: A choice to the graph that would be deployed.
        space: What may be chosen, what is sought, what must be kept.
        device: From `hwsim.device`, or a profile's name; or several: each trial is built once and
            judged on all, objectives are `overall` ones.
        data: Labelled samples that judge; needed where the space speaks of accuracy.
        trials: At most.
        seed: Of what is tried.

    Raises:
        RecipeError: Optuna is needed and not installed, or the accuracy is sought without labels.
        ProfileError: There is no profile of that name.
    """
    require_labels(space, data)
    devices = [device] if isinstance(device, str | DeviceProfile) else device
    targets = [
        Target(profile=load_profile(each) if isinstance(each, str) else each) for each in devices
    ]
    space.require_devices(target.profile.name for target in targets)
    found = explore(build, space, judge_on(targets, data), trials, seed)
    return table([trial.light for trial in found], space)


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
