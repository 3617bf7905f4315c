"""Trials: what was chosen, what it costs, which are worth having."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from hwsim.search.space import ACCURACY, COSTS, figure, loss

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hwsim.graph import Graph
    from hwsim.records import Result
    from hwsim.search.space import Choice, Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One choice, built and judged.

    Attributes:
        number: Counts from 0, in the order of evaluation.
        choice: In canonical form.
        stage: When it was judged; `search`, or a name for what came after.
        result: None where something was refused.
        refused: The reason; None where there is a result.
        graph: What was judged; None where nothing was, or where it was let go.
    """

    number: int
    choice: Choice
    stage: str = "search"
    result: Result | None = None
    refused: str | None = None
    graph: Graph | None = field(default=None, repr=False, compare=False)


def excesses(result: Result, space: Space) -> dict[str, float]:
    """Return by how much each limit is passed, as a share of it; 0 or less where it is kept.

    `fits` stands for the memories of the device, which are a limit of every search.
    """
    found = {"fits": 0.0 if result.fits else 1.0}
    for name, limit in space.limits.items():
        sign = -1.0 if name == ACCURACY else 1.0
        found[name] = (loss(result, name) - sign * limit) / (abs(limit) or 1.0)
    return found


def violated(trial: Trial, space: Space) -> tuple[str, ...]:
    """Return the names of the limits that a judged trial does not keep."""
    if trial.result is None:
        return ()
    return tuple(name for name, excess in excesses(trial.result, space).items() if excess > 0)


def front(trials: Iterable[Trial], space: Space) -> list[Trial]:
    """Return the Pareto front, by the first objective: what no other trial dominates.

    One dominates another if it is at least as good in every objective and better in one. Trials
    that were refused or pass a limit are left out; of equal ones all stay.
    """
    kept = [(_losses(t, space), t) for t in trials if t.result and not violated(t, space)]
    best = [
        (losses, trial)
        for losses, trial in kept
        if not any(_dominates(other, losses) for other, _ in kept)
    ]
    return [trial for _, trial in sorted(best, key=lambda pair: (pair[0], pair[1].number))]


def table(trials: Sequence[Trial], space: Space) -> pd.DataFrame:
    """Return one row per trial: axes, figures in base units, limits passed, reasons of refusals."""
    columns = ["trial", "stage", *space.axes, *COSTS, ACCURACY]
    columns += ["fits", "violated", "is_pareto", "refused"]
    best = {trial.number for trial in front(trials, space)}
    records: list[dict[str, object]] = []
    for trial in trials:
        row: dict[str, object] = {"trial": trial.number, "stage": trial.stage, **trial.choice}
        if trial.result is not None:
            row |= {name: figure(trial.result, name) for name in COSTS}
            accuracy = trial.result.accuracy
            row[ACCURACY] = None if accuracy is None else accuracy.top1
            row["fits"] = trial.result.fits
        row["violated"] = "; ".join(violated(trial, space))
        row["is_pareto"] = trial.number in best
        row["refused"] = trial.refused
        records.append(row)
    return pd.DataFrame(records, columns=columns)


def _losses(trial: Trial, space: Space) -> tuple[float, ...]:
    result = trial.result
    return () if result is None else tuple(loss(result, name) for name in space.objectives)


def _dominates(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))
