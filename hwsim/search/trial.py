"""Trials: what was chosen, what it costs, which are worth having."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

import pandas as pd

from hwsim.search.constraints import device_of, figure_of
from hwsim.search.figures import ACCURACY, COSTS, overall_loss

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hwsim.evaluation import Priced
    from hwsim.graph import Graph
    from hwsim.records import Result
    from hwsim.search.figures import Figures
    from hwsim.search.space import Choice, Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One choice, built and judged.

    Attributes:
        number: Counts from 0, in the order of evaluation.
        choice: In canonical form.
        stage: When it was judged; `search`, or a name for what came after.
        figures: One per device; none where something was refused.
        refused: The reason; None where there are figures.
        results: What the figures are of; none where something was refused, or where they were let
            go.
        made_of: What the estimates of the results were made of, for details; let go as they are.
        graph: What was judged; None where nothing was, or where it was let go.
    """

    number: int
    choice: Choice
    stage: str = "search"
    figures: tuple[Figures, ...] = ()
    refused: str | None = None
    results: tuple[Result, ...] = field(default=(), repr=False, compare=False)
    made_of: tuple[Priced, ...] = field(default=(), repr=False, compare=False)
    graph: Graph | None = field(default=None, repr=False, compare=False)

    @property
    def light(self) -> Trial:
        """The same without what takes much memory."""
        return replace(self, results=(), made_of=(), graph=None)


def excesses(figures: Sequence[Figures], space: Space) -> dict[str, float]:
    """Return by how much each limit is passed, as a share of it; 0 or less where it is kept.

    On the device where it is passed by most. `fits` stands for the memories of the devices, which
    are a limit of every search.
    """
    found = {"fits": 0.0 if all(each.fits for each in figures) else 1.0}
    for name, limit in space.limits.items():
        about, device = figure_of(name), device_of(name)
        sign = -1.0 if about == ACCURACY else 1.0
        found[name] = max(
            sign * (each.value(about) - limit) / (abs(limit) or 1.0)
            for each in figures
            if device in ("", each.device)
        )
    return found


def violated(trial: Trial, space: Space) -> tuple[str, ...]:
    """Return the names of the limits that a judged trial does not keep."""
    if not trial.figures:
        return ()
    return tuple(name for name, excess in excesses(trial.figures, space).items() if excess > 0)


def front(trials: Iterable[Trial], space: Space) -> list[Trial]:
    """Return the Pareto front, by the first objective: what no other trial dominates.

    One dominates another if it is at least as good in every objective and better in one. Trials
    that were refused or pass a limit are left out; of equal ones all stay. Objectives of several
    devices are `overall` ones.
    """
    kept = [(_losses(t, space), t) for t in trials if t.figures and not violated(t, space)]
    best = [
        (losses, trial)
        for losses, trial in kept
        if not any(_dominates(other, losses) for other, _ in kept)
    ]
    return [trial for _, trial in sorted(best, key=lambda pair: (pair[0], pair[1].number))]


def table(trials: Sequence[Trial], space: Space) -> pd.DataFrame:
    """Return one row per trial and device, and one per refused trial.

    Axes, figures in base units, limits passed on any device, reasons of refusals.
    """
    columns = ["trial", "stage", *space.axes, "device", *COSTS, ACCURACY]
    columns += ["fits", "violated", "is_pareto", "refused"]
    best = {trial.number for trial in front(trials, space)}
    records: list[dict[str, object]] = []
    for trial in trials:
        row: dict[str, object] = {"trial": trial.number, "stage": trial.stage, **trial.choice}
        row["violated"] = "; ".join(violated(trial, space))
        row["is_pareto"] = trial.number in best
        row["refused"] = trial.refused
        records += [row | asdict(each) for each in trial.figures] or [row]
    return pd.DataFrame(records, columns=columns)


def _losses(trial: Trial, space: Space) -> tuple[float, ...]:
    return tuple(overall_loss(trial.figures, name) for name in space.objectives)


def _dominates(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))
