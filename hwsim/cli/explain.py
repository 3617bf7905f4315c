"""`hwsim explain`: the waterfall of one result, per layer, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hwsim.cli.options import (
    CsvFile,
    DataFile,
    HtmlFile,
    JsonFile,
    MarkdownFile,
    Model,
    Overrides,
    TrainData,
)

if TYPE_CHECKING:
    from pathlib import Path

    from hwsim.records import Explanation


def explain(
    model: Model,
    recipe: Annotated[
        list[str],
        typer.Option("--recipe", metavar="R", help="What to explain; may be repeated."),
    ],
    device: Annotated[
        list[str],
        typer.Option("--device", metavar="D", help="As in evaluate; may be repeated."),
    ],
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="B",
            help="Recipe to compare with; `none` is the model as it is. Default, also where a "
            "device refuses it: the recipe without the steps that make it sparse, if any is left.",
        ),
    ] = None,
    data: DataFile = None,
    train_data: TrainData = None,
    set_: Overrides = None,
    layers: Annotated[
        int, typer.Option("--layers", metavar="N", min=0, help="Layers to show of each result.")
    ] = 10,
    advice: Annotated[
        int, typer.Option("--advice", metavar="N", min=0, help="Changes to propose for each.")
    ] = 6,
    json: JsonFile = None,
    html: HtmlFile = None,
    md: MarkdownFile = None,
    csv: CsvFile = None,
) -> None:
    """Where the speed-up that a compression promised went: causes, layers, and what would pay."""
    from compressors import parse
    from hwsim.cli.explained import explained
    from hwsim.cli.grid import Grid
    from hwsim.cli.output import check_outputs

    check_outputs((json, html, md, csv), (model, data, train_data))
    compared = None if baseline is None else parse(baseline)
    grid = Grid.of([model], recipe, device, set_, data, train_data)
    _show(explained(grid, compared, advice), layers, json=json, html=html, md=md, csv=csv)


def _show(
    explanation: Explanation,
    layers: int,
    *,
    json: Path | None,
    html: Path | None,
    md: Path | None,
    csv: Path | None,
) -> None:
    """Print the bars and write the files that were asked for."""
    from rich.console import Console

    from hwsim.cli.output import write_texts
    from reports.explanation import Csv, Html, Json, Markdown
    from reports.explanation.terminal import page

    wanted = ((json, Json()), (html, Html()), (md, Markdown(layers)), (csv, Csv()))
    texts = {path: report.render(explanation) for path, report in wanted if path is not None}
    write_texts(texts)
    console = Console()
    console.print(page(explanation, console.width, layers))
    for path in texts:
        Console(stderr=True).print(f"wrote {path}", highlight=False)
