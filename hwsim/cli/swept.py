"""What `hwsim sweep` does: read, plan, run, show."""

from __future__ import annotations

from contextlib import closing, contextmanager, nullcontext
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hwsim.cli.exported import require_parquet, texts_of, write_tables
from hwsim.cli.output import check_outputs, write_texts
from hwsim.cli.sweep_file import read_sweep
from hwsim.errors import HwsimError, InterchangeError, RecipeError, UnsupportedError
from hwsim.records import Study
from hwsim.store import Store
from hwsim.store.access import discard
from hwsim.store.summary import comparison_of
from hwsim.sweeps.engine_choice import engine_for
from hwsim.sweeps.on_dask import on_dask
from hwsim.sweeps.plan import plan
from hwsim.sweeps.run import run
from hwsim.version import __version__
from reports.points import page

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from hwsim.sweeps.plan import Plan
    from hwsim.sweeps.run import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a sweep is run.

    Attributes:
        jobs: Processes; None for as many as are worth it.
        dask: Address of a scheduler; None for none.
        store: Where points are kept.
        is_resumed: Whether there may be some already.
    """

    jobs: int | None
    dask: str | None
    store: Path | None
    is_resumed: bool

    def check(self) -> None:
        """Refuse what does not belong together.

        Raises:
            RecipeError: Two engines, or --resume without a store.
            InterchangeError: There is a store already.
        """
        if self.jobs is not None and self.dask is not None:
            raise RecipeError("--jobs, --dask: expected one of them; Dask has workers of its own")
        if self.store is None:
            if self.is_resumed:
                raise RecipeError("--resume: expected --store RUNS.db to go on with, got none")
        elif self.store.exists() and not self.is_resumed:
            raise InterchangeError(
                f"{self.store}: there is a store already; --resume goes on with it, another path "
                "begins anew"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Reports that were asked for; None where not."""

    json: Path | None
    html: Path | None
    md: Path | None
    csv: Path | None
    parquet: Path | None


def swept(file: Path, models: list[str], how: How, files: Files) -> None:
    """Run the sweep of `file`, show its table, write its reports.

    Raises:
        HwsimError: Something is malformed or cannot be read or written; the message says what.
        UnsupportedError: Every point is refused.
        typer.Exit: The user interrupted it; what is finished is kept.
    """
    outputs = [each for each in astuple(files) if each is not None]
    check_outputs([*outputs, how.store], (file,))
    if files.parquet is not None:
        require_parquet()
    how.check()
    spec = read_sweep(
        file, models, before=lambda named: check_outputs([*outputs, how.store], named)
    )
    asked = plan(spec)
    if asked.is_steady:
        _say("recipes that draw nothing repeat themselves: they are applied once")
    with _nothing_left_behind(how.store):
        outcome, study = _found(file, asked, how, are_told=any((how.store, files.html, files.json)))
    points = outcome.points.points
    texts = texts_of(
        study,
        outcome.points,
        asked.spec.text,
        len(points),
        json=files.json,
        html=files.html,
        md=files.md,
    )
    write_texts(texts)
    write_tables(outcome.points, csv=files.csv, parquet=files.parquet)
    console = Console()
    console.print(page(study, outcome.points, len(points)))
    for path in outputs:
        _say(f"wrote {path}")


@contextmanager
def _nothing_left_behind(store: Path | None) -> Generator[None, None, None]:
    """Remove the store that was made where a mistake of the user kept it without a figure."""
    is_new = store is not None and not store.exists()
    try:
        yield
    except HwsimError:
        if store is not None and is_new and store.exists():
            with closing(Store.read(store)) as made:
                has_figures = any(point.refused is None for point in made.points().points)
            if not has_figures:
                discard(store)
        raise


def _found(file: Path, asked: Plan, how: How, *, are_told: bool) -> tuple[Outcome, Study]:
    opened = nullcontext() if how.store is None else closing(Store.open(how.store))
    with opened as store:
        outcome = _outcome(asked, how, store, are_told=are_told)
        study = _study(file, outcome) if store is None else store.study()
    points = outcome.points.points
    if points and all(point.refused for point in points):
        raise UnsupportedError(f"all {len(points)} points are refused: {points[0].refused}")
    return outcome, study


def _outcome(asked: Plan, how: How, store: Store | None, *, are_told: bool) -> Outcome:
    engine = engine_for(asked, how.jobs) if how.dask is None else on_dask(how.dask)
    total, done = len(asked.places), 0

    def count(points: int) -> None:
        nonlocal done
        done += points
        advance(points)

    with _bar(total) as advance:
        try:
            return run(asked, engine, keeper=store, are_told=are_told, on_points=count)
        except KeyboardInterrupt:
            kept = "" if store is None else f"; {how.store} keeps them, --resume goes on"
            _say(f"hwsim: interrupted, {done} of {total} points are finished{kept}")
            raise typer.Exit(130) from None


def _study(file: Path, outcome: Outcome) -> Study:
    comparison = comparison_of(outcome.results, outcome.points, __version__)
    return Study(title=file.stem, comparison=comparison, points=outcome.points)


@contextmanager
def _bar(total: int) -> Generator[Callable[[int], None], None, None]:
    """Show a bar of points on stderr, where it is a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("points", total=total)
        yield lambda points: bar.advance(task, points)


def _say(text: str) -> None:
    Console(stderr=True, soft_wrap=True).print(text, highlight=False, markup=False)
