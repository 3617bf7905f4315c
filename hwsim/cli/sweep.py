"""`hwsim sweep`: a grid from a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwsim.cli.options import CsvFile, HtmlFile, JsonFile, MarkdownFile


def sweep(
    file: Annotated[Path, typer.Argument(metavar="SWEEP.yaml", help="models, recipes, ...")],
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="Processes.")] = 1,
    json: JsonFile = None,
    html: HtmlFile = None,
    md: MarkdownFile = None,
    csv: CsvFile = None,
) -> None:
    """Evaluate every combination of models, recipes, devices and overrides.

    The file: version: 1, models: [...], recipes: [...], devices: [...], and if wanted
    set: {KEY: [VALUE, ...]}, data: X.npz, train_data: T.npz; paths are relative to it.
    """
    from concurrent.futures import ProcessPoolExecutor
    from contextlib import nullcontext
    from multiprocessing import get_context

    from hwsim.cli.grid import show
    from hwsim.cli.sweep_file import read_sweep

    grid = read_sweep(file)
    # Forked workers inherit the locks of the parent's threads; spawned ones start clean.
    workers = (
        nullcontext()
        if jobs == 1
        else ProcessPoolExecutor(max_workers=jobs, mp_context=get_context("spawn"))
    )
    with workers as executor:
        comparison = grid.evaluate(baseline=grid.recipes[0].name, executor=executor)
    show(comparison, json=json, html=html, md=md, csv=csv)
