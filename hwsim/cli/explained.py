"""A grid to an explanation: every recipe against the baseline, on every device."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from compressors import Recipe, parse
from hwsim.cli.advised import Compressed
from hwsim.cli.output import progress
from hwsim.errors import RecipeError, UnsupportedError
from hwsim.explain import attribute
from hwsim.records import Explanation, Refusal
from hwsim.row import Row
from hwsim.sweeps import rows_of
from hwsim.version import __version__
from reports.labels import device_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.cli.grid import Grid
    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.records import Attribution, Result
    from hwsim.row import Outcome, Price

SPARSIFYING: Final = frozenset(
    {
        "compact",
        "distill",
        "encode",
        "factorize",
        "finetune",
        "iterative_clip",
        "prune",
        "share",
    }
)
"""Steps that a baseline leaves out: those that take weights away, and the trainings after them."""


@dataclass(slots=True)
class _Keeping:
    """A recipe that keeps what it made: advice looks at graphs, rows give figures only.

    A row asks once, or once per target where the recipe asks for prices.
    """

    recipe: Recipe
    made: list[Graph] = field(default_factory=list["Graph"])

    @property
    def name(self) -> str:
        """See `hwsim.row.Recipe.name`."""
        return self.recipe.name

    @property
    def is_priced(self) -> bool:
        """See `hwsim.row.Recipe.is_priced`."""
        return self.recipe.is_priced

    def apply(self, graph: Graph, data: Data | None = None, *, price: Price | None = None) -> Graph:
        """See `hwsim.row.Recipe.apply`."""
        self.made.append(self.recipe.apply(graph, data, price=price))
        return self.made[-1]


@dataclass(frozen=True, slots=True)
class Cell:
    """One recipe on one target.

    Attributes:
        recipe: How the model is compressed.
        row: The same with the model, the device and the data that it may use.
        outcome: What it costs there.
        graph: What the recipe made; None where it was refused.
    """

    recipe: Recipe
    row: Row
    outcome: Outcome
    graph: Graph | None


def explained(grid: Grid, baseline: Recipe | None, most_advice: int) -> Explanation:
    """Return an attribution per recipe and target, those of a target together.

    Args:
        grid: Its recipes are what to explain.
        baseline: What to compare with; None: each recipe with itself, but for the steps that make
            it sparse (`own_baseline`).
        most_advice: Changes to propose for each.

    Raises:
        UnsupportedError: No device can run any of it.
        RecipeError: A recipe does not fit the model, or is its own baseline.
        DataError: The data does not fit the model.
    """
    baselines = [own_baseline(each) if baseline is None else baseline for each in grid.recipes]
    _require_others(grid.recipes, baselines)
    asked = {recipe.name for recipe in grid.recipes}
    others = {each.name: each for each in baselines if each.name not in asked}
    needed = [*others.values(), *grid.recipes]
    rows = rows_of(grid.graphs, needed, grid.targets, grid.data, grid.training_data)
    found: list[Attribution | Refusal] = []
    with progress("explaining", (len(rows) + len(grid.recipes) * len(grid.targets))) as advance:
        columns: dict[str, list[Cell]] = {}
        for row, recipe in zip(rows, needed, strict=True):
            columns[recipe.name] = _cells(row, recipe)
            advance(recipe.name)
        for name in others:
            outcomes = [cell.outcome for cell in columns[name]]
            found += [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
        stand_ins = _StandIns()
        for i in range(len(grid.targets)):
            for recipe, other in zip(grid.recipes, baselines, strict=True):
                cell, before = columns[recipe.name][i], columns[other.name][i]
                found.append(_explained(cell, before, stand_ins, most_advice))
                advance(f"{recipe.name} on {cell.row.targets[0].profile.name}")
    attributions = tuple(each for each in found if not isinstance(each, Refusal))
    refusals = tuple(each for each in found if isinstance(each, Refusal))
    if not attributions:
        raise UnsupportedError(refusals[-1].reason)
    return Explanation(
        attributions=attributions,
        refusals=refusals,
        baseline=None if baseline is None else baseline.name,
        version=__version__,
    )


def own_baseline(recipe: Recipe) -> Recipe:
    """Return the recipe without the steps that make it sparse; `none` if none or all would go.

    What is left changes numbers, and not how many of them there are: between the two lies what
    sparsity did.
    """
    kept = tuple(step for step in recipe.steps if step.name not in SPARSIFYING)
    return parse("none") if not kept or kept == recipe.steps else Recipe(steps=kept)


def _require_others(recipes: Sequence[Recipe], baselines: Sequence[Recipe]) -> None:
    for recipe, baseline in zip(recipes, baselines, strict=True):
        if recipe == baseline or recipe.name == baseline.name:
            raise RecipeError(
                f"--recipe {recipe.name!r} is the baseline, and nothing lies between the two; "
                "give another --recipe, or another --baseline"
            )


def _explained(
    cell: Cell, baseline: Cell, stand_ins: _StandIns, most_advice: int
) -> Attribution | Refusal:
    if isinstance(cell.outcome, Refusal):
        return cell.outcome
    before = baseline.outcome
    if isinstance(before, Refusal):
        before = stand_ins.of(cell, before)
    if isinstance(before, Refusal):
        return before
    if not min(before.latency_s, cell.outcome.latency_s) > 0:
        return _idle(cell.outcome)
    if cell.graph is None:
        return attribute(before, cell.outcome)
    compressed = Compressed(
        original=cell.row.graph,
        recipe=cell.recipe,
        graph=cell.graph,
        device=cell.row.targets[0].profile,
        data=cell.row.data,
        training_data=cell.row.training_data,
    )
    return attribute(
        before,
        cell.outcome,
        by_density_s=compressed.by_density_s(),
        advice=compressed.advice(most_advice),
    )


def _idle(result: Result) -> Refusal:
    return Refusal(
        model=result.model,
        recipe=result.recipe,
        device=result.device,
        overrides=result.overrides,
        reason=f"{result.model}: expected a model that takes time on {result.device}, got one "
        "that computes nothing there; give a model with layers",
    )


@dataclass(slots=True)
class _StandIns:
    """Baselines of devices that refuse the one asked for, by recipe and device."""

    made: dict[tuple[str, str], Outcome] = field(default_factory=dict[tuple[str, str], "Outcome"])

    def of(self, cell: Cell, refused: Refusal) -> Outcome:
        """Return the recipe's own baseline: its steps but those that make it sparse."""
        stand_in = own_baseline(cell.recipe)
        if stand_in.name in ("none", refused.recipe):
            return replace(
                refused,
                recipe=cell.recipe.name,
                reason=f"nothing to compare with, since the baseline {refused.recipe!r} is "
                f"refused ({refused.reason}); give a --baseline that the device runs",
            )
        key = (stand_in.name, device_label(refused))
        if key not in self.made:
            self.made[key] = replace(cell.row, recipe=stand_in).evaluate()[0]
        return self.made[key]


def _cells(row: Row, recipe: Recipe) -> list[Cell]:
    """Return a cell per target; the model is compressed once, unless the recipe asks for prices."""
    groups = [(each,) for each in row.targets] if recipe.is_priced else [row.targets]
    cells: list[Cell] = []
    for targets in groups:
        keeping = _Keeping(recipe)
        outcomes = replace(row, recipe=keeping, targets=targets).evaluate()
        graph = keeping.made[0] if keeping.made else None
        cells += [
            Cell(recipe, replace(row, targets=(target,)), outcome, graph)
            for target, outcome in zip(targets, outcomes, strict=True)
        ]
    return cells
