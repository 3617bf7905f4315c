"""`hwsim search`: architectures and recipes, with the devices' prices in the loop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwsim.cli.options import CsvFile, Overrides


def search(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="module:callable that takes axes as keyword arguments and returns (nn.Module, "
            "example_inputs); supernet, which is our own; or a file, whose recipe is searched.",
        ),
    ],
    device: Annotated[
        list[str],
        typer.Option(
            "--device",
            metavar="D",
            help="As in evaluate; several judge each trial, which is built once.",
        ),
    ],
    space: Annotated[
        Path, typer.Option("--space", metavar="SPACE.yaml", help="Axes, recipe, objectives, ...")
    ],
    trials: Annotated[int, typer.Option("--trials", metavar="N", min=1, help="At most.")] = 50,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of the search.")] = 0,
    constraint: Annotated[
        list[str] | None,
        typer.Option(
            "--constraint",
            metavar="TEXT",
            help="Such as 'latency < 20 ms', 'fits 256 KiB RAM', 'accuracy >= 97 %' or "
            "'latency@D < 20 ms', beside those of the space; may be repeated.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="X.npz", help="x: stacked inputs; y: labels, which judge."),
    ] = None,
    train_data: Annotated[
        Path | None,
        typer.Option(
            "--train-data", metavar="T.npz", help="What networks are trained and calibrated on."
        ),
    ] = None,
    set_: Overrides = None,
    store: Annotated[
        Path | None,
        typer.Option("--store", metavar="RUNS.db", help="Keep every trial as soon as it is done."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the search that --store holds.")
    ] = False,
    csv: CsvFile = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="Write the front as DIR/trial_N.hwsim."),
    ] = None,
) -> None:
    """Search widths, depths, kernels, bits, ... for what is fast on devices and still right.

    Prints the Pareto front. Ctrl-C stops early: the front of what was tried is printed and
    written all the same.
    """
    from rich.console import Console

    from hwsim.cli.output import TrainingBar, check_outputs, write_texts
    from hwsim.cli.search_run import Asked, started
    from hwsim.cli.search_table import front_tables
    from hwsim.cli.space_file import read_space
    from hwsim.errors import RecipeError, UnsupportedError
    from hwsim.interchange import save
    from hwsim.search import front, table

    if resume and store is None:
        raise RecipeError("search: --resume expected --store RUNS.db, which it goes on with")
    asked = Asked.of(
        model, read_space(space), constraint or (), device, set_ or (), data, train_data, seed
    )
    check_outputs((csv, store), (model, space, data, train_data))
    with TrainingBar("searching", trials) as bar, started(asked, bar, store, resume=resume) as run:
        is_stopped = run.go(trials, bar)
        found, made = run.found, run.builder
        best = front(found, made.space)
        refusals = [trial.refused for trial in found if trial.refused is not None]
        if len(refusals) == len(found):
            raise UnsupportedError(f"search: none of {len(found)} trials worked: {refusals[0]}")
        if csv is not None:
            write_texts({csv: table(found, made.space).to_csv(index=False)})
        if output is not None:
            output.mkdir(parents=True, exist_ok=True)
            for trial in best:
                save(run.graph_of(trial), output / f"trial_{trial.number}.hwsim")
    for shown in front_tables(found, made.space):
        Console().print(shown)
    if is_stopped:
        typer.echo(f"hwsim: stopped after {len(found)} trials", err=True)
        raise typer.Exit(130)
