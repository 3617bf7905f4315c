"""`hwsim report`: what a store holds, while a sweep writes it or afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwsim.cli.options import CsvFile, HtmlFile, JsonFile, MarkdownFile


def report(
    store: Annotated[
        Path, typer.Argument(metavar="RUNS.db", help="What hwsim sweep --store writes.")
    ],
    json: JsonFile = None,
    html: HtmlFile = None,
    md: MarkdownFile = None,
    csv: CsvFile = None,
    parquet: Annotated[
        Path | None,
        typer.Option("--parquet", metavar="F", help="Write the points as Parquet."),
    ] = None,
) -> None:
    """Points done and refused, ranges, and the best of each device; a sweep may still run."""
    from rich.console import Console

    from hwsim.cli.exported import require_parquet, texts_of, write_tables
    from hwsim.cli.output import check_outputs, write_texts
    from hwsim.store import Store
    from reports.points import page

    outputs = (json, html, md, csv, parquet)
    check_outputs(outputs, (store, f"{store}-wal", f"{store}-shm"))
    if parquet is not None:
        require_parquet()
    with Store.read(store) as kept:
        study, asked, spec = kept.study(), kept.asked(), kept.spec()
    points = study.points
    assert points is not None
    write_texts(texts_of(study, points, spec, asked, json=json, html=html, md=md))
    write_tables(points, csv=csv, parquet=parquet)
    Console().print(page(study, points, asked))
    for path in filter(None, outputs):
        Console(stderr=True).print(f"wrote {path}", highlight=False)
