"""What evaluate, compare and sweep share: texts of the user to a grid, a grid to reports."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from compressors import Recipe, parse
from hwsim.cli.output import progress, write_texts
from hwsim.data import load_data
from hwsim.errors import ProfileError, UnsupportedError
from hwsim.evaluation import bare
from hwsim.interchange import load
from hwsim.profile import known_devices, value_of
from hwsim.row import Target
from hwsim.sweeps import evaluate_rows, rows_of, targets_of
from reports import Csv, Html, Json, Markdown
from reports.terminal import page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    from hwsim.data import Data
    from hwsim.evaluation import Finish
    from hwsim.graph import Graph
    from hwsim.records import Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Everything that was asked for, read and checked before anything is run."""

    graphs: tuple[Graph, ...]
    recipes: tuple[Recipe, ...]
    targets: tuple[Target, ...]
    data: Data | None
    training_data: Data | None

    @staticmethod
    def of(
        models: Sequence[str],
        recipes: Sequence[str],
        devices: Sequence[str] | None,
        overrides: Sequence[str] | None,
        data: Path | None,
        train_data: Path | None,
    ) -> Grid:
        """Read what the command line says.

        Raises:
            HwsimError: Something cannot be read; the message says what.
        """
        laid_over = [dict(override(text) for text in overrides or ())]
        return Grid.read(models, recipes, devices, laid_over, data, train_data)

    @staticmethod
    def read(
        models: Sequence[str],
        recipes: Sequence[str],
        devices: Sequence[str] | None,
        overrides: Sequence[Mapping[str, object]],
        data: Path | None,
        train_data: Path | None,
    ) -> Grid:
        """Read models, recipes, devices and data by their names.

        Raises:
            HwsimError: Something cannot be read; the message says what.
        """
        return Grid(
            # Cheap checks first: a mistyped device should not wait for a model.
            targets=targets_of(devices or known_devices(), overrides),
            recipes=tuple(parse(recipe) for recipe in recipes),
            data=None if data is None else load_data(data),
            training_data=None if train_data is None else load_data(train_data),
            graphs=tuple(load(model) for model in models),
        )

    def evaluate(
        self, *, baseline: str | None, executor: Executor | None = None, finish: Finish = bare
    ) -> Comparison:
        """Return the outcomes, with a progress bar.

        Args:
            baseline: Recipe that speed-ups refer to.
            executor: Where rows are evaluated; here and now when None.
            finish: What is done to each result.

        Raises:
            UnsupportedError: No device can run anything.
        """
        plain = rows_of(self.graphs, self.recipes, self.targets, self.data, self.training_data)
        rows = [replace(row, finish=finish) for row in plain]
        with progress("evaluating", len(rows)) as advance:
            comparison = evaluate_rows(
                rows,
                baseline=baseline,
                executor=executor,
                on_done=lambda row: advance(f"{row.graph.name} {row.recipe.name}"),
            )
        if not comparison.results:
            raise UnsupportedError(comparison.refusals[0].reason)
        return comparison


def override(text: str) -> tuple[str, object]:
    """Return key and value of `KEY=VALUE`; 480e6 is a number here.

    Raises:
        ProfileError: It is not of that form.
    """
    key, equals, value = text.partition("=")
    if not equals or not key or not value:
        raise ProfileError(f"--set {text!r}: expected KEY=VALUE, such as hardware.clock_hz=80e6")
    return key, value_of(key, value)


def show(
    comparison: Comparison,
    *,
    json: Path | None = None,
    html: Path | None = None,
    md: Path | None = None,
    csv: Path | None = None,
) -> None:
    """Print the table and write the files that were asked for."""
    wanted = ((json, Json()), (html, Html()), (md, Markdown()), (csv, Csv()))
    texts = {path: report.render(comparison) for path, report in wanted if path is not None}
    write_texts(texts)
    console = Console()
    console.print(page(comparison, console.width))
    for path in texts:
        Console(stderr=True).print(f"wrote {path}", highlight=False)
