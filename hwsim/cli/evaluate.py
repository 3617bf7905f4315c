"""`hwsim evaluate` and `hwsim compare`."""

from __future__ import annotations

from hwsim.cli.options import (
    CsvFile,
    DataFile,
    Devices,
    HtmlFile,
    JsonFile,
    MarkdownFile,
    Models,
    Overrides,
    Recipes,
    TrainData,
)


def evaluate(
    models: Models,
    device: Devices = None,
    recipe: Recipes = None,
    data: DataFile = None,
    train_data: TrainData = None,
    set_: Overrides = None,
    json: JsonFile = None,
    html: HtmlFile = None,
    md: MarkdownFile = None,
    csv: CsvFile = None,
) -> None:
    """Latency, energy, RAM, flash and accuracy of models under recipes on devices."""
    from hwsim.cli.grid import Grid, show
    from hwsim.cli.output import check_outputs
    from hwsim.evaluation import bare, detailed

    check_outputs((json, html, md, csv), (*models, *(recipe or ()), data, train_data))
    grid = Grid.of(models, recipe or ["none"], device, set_, data, train_data)
    # A page has more to show of each result, which takes longer to find out.
    comparison = grid.evaluate(baseline=None, finish=detailed if html else bare)
    show(comparison, json=json, html=html, md=md, csv=csv)


def compare(
    models: Models,
    device: Devices = None,
    recipe: Recipes = None,
    data: DataFile = None,
    train_data: TrainData = None,
    set_: Overrides = None,
    json: JsonFile = None,
    html: HtmlFile = None,
    md: MarkdownFile = None,
    csv: CsvFile = None,
) -> None:
    """As evaluate, with the first recipe as baseline: speed-ups, Pareto front, and why."""
    from hwsim.cli.grid import Grid, show
    from hwsim.cli.output import check_outputs
    from hwsim.evaluation import bare, detailed

    check_outputs((json, html, md, csv), (*models, *(recipe or ()), data, train_data))
    grid = Grid.of(models, recipe or ["none"], device, set_, data, train_data)
    baseline = grid.recipes[0].name
    comparison = grid.evaluate(baseline=baseline, finish=detailed if html else bare)
    show(comparison, json=json, html=html, md=md, csv=csv)
