"""`hwsim sensitivity`: which layers mind being pruned, or having few bits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwsim.cli.options import CsvFile, Model


def sensitivity(
    model: Model,
    data: Annotated[
        Path, typer.Option("--data", metavar="X.npz", help="x and y: what judges each trial.")
    ],
    widths: Annotated[
        bool, typer.Option("--widths", help="Try bits of weights instead of pruning.")
    ] = False,
    structure: Annotated[
        str, typer.Option("--structure", metavar="S", help="What to prune, as in prune.")
    ] = "unstructured",
    max_drop: Annotated[
        float | None,
        typer.Option(
            "--max-drop",
            metavar="D",
            min=0,
            help="Also print the ratios that cost no layer more top-1 than this, for prune.",
        ),
    ] = None,
    csv: CsvFile = None,
) -> None:
    """Prune one layer at a time by several ratios, or give it few bits; nothing is trained.

    The model is one of floats. Prints a row per layer; --csv keeps every trial.
    """
    from rich.console import Console

    from compressors.sensitivity import ratios_within, scan_pruning, scan_widths
    from hwsim.cli.output import check_outputs, write_texts
    from hwsim.cli.steps import drops_table
    from hwsim.data import load_data
    from hwsim.errors import DataError, RecipeError
    from hwsim.interchange import load

    if widths and max_drop is not None:
        raise RecipeError(
            "sensitivity: --max-drop gives ratios of pruning, --widths prunes nothing; for widths "
            "within a budget there is mixed_precision"
        )
    check_outputs((csv,), (model, data))
    judge = load_data(data)
    if judge.y is None:
        raise DataError(f"{judge.name}: expected labels to judge by, got none; add y")
    graph = load(model)
    if widths:
        frame = scan_widths(graph, judge, samples=judge.count)
        tried, dropped = "bits", "accuracy_drop"
    else:
        frame = scan_pruning(graph, judge, structure=structure)
        tried, dropped = "ratio", "drop"
    if csv is not None:
        write_texts({csv: frame.to_csv(index=False)})
    Console().print(drops_table(frame, tried, dropped))
    if max_drop is not None:
        typer.echo(f'prune{{ratios="{ratios_within(frame, max_drop)}"}}')
