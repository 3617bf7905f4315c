"""`hwsim sweep`: points of a YAML file, on all cores or a cluster, kept as they finish."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwsim.cli.options import CsvFile, HtmlFile, JsonFile, MarkdownFile


def sweep(
    file: Annotated[Path, typer.Argument(metavar="SWEEP.yaml", help="models, recipes, ...")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Beside the file's models; module:callable too. May be repeated.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", metavar="N", min=1, help="Processes. All cores where that is worth it."
        ),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            "--dask", metavar="ADDRESS", help="Of a Dask scheduler; local starts one here."
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option("--store", metavar="RUNS.db", help="Keep points there as they finish."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what --store has already.")
    ] = False,
    json: JsonFile = None,
    html: HtmlFile = None,
    md: MarkdownFile = None,
    csv: CsvFile = None,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="F", help="Write the points as Parquet.")
    ] = None,
) -> None:
    """Evaluate models under recipes on devices, at every point of some axes.

    The file: version: 1, models: [...], recipes: [...], devices: [...], and if wanted
    axes: {NAME: [VALUE, ...]}, sampling, where, repeats, data: X.npz, train_data: T.npz; paths are
    relative to it. docs/sweep.md is the guide.
    """
    from hwsim.cli.swept import Files, How, swept

    swept(
        file,
        model or [],
        How(jobs=jobs, dask=dask, store=store, is_resumed=resume),
        Files(json=json, html=html, md=md, csv=csv, parquet=parquet),
    )
