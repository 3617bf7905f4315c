"""`hwsim matrix`: how sparse, in which structure, on which device, before it pays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwsim.cli.options import (
    CsvFile,
    DataFile,
    Devices,
    HtmlFile,
    JsonFile,
    MarkdownFile,
    Model,
    Overrides,
    TrainData,
)

if TYPE_CHECKING:
    from compressors import Recipe
    from hwsim.graph import Graph
    from hwsim.matrix import Matter
    from hwsim.records import Matrix

# Without inputs to calibrate on: ranges mean nothing then, and one sample has as many as a hundred.
_SYNTHETIC = "quantize{calibration=synthetic,calibration_samples=1}"


def matrix(
    model: Model,
    device: Devices = None,
    structure: Annotated[
        list[str] | None,
        typer.Option(
            "--structure",
            metavar="S",
            help="unstructured, N:M, blockRxC, filter, 'filter, rounded' or another that prune "
            "takes; may be repeated. Eight by default.",
        ),
    ] = None,
    sparsity: Annotated[
        list[float] | None,
        typer.Option(
            "--sparsity",
            metavar="X",
            help="Share that goes, above 0 and below 1; may be repeated. 0.25 to 0.98 by default.",
        ),
    ] = None,
    then: Annotated[
        str | None,
        typer.Option(
            "--then",
            metavar="R",
            help="Recipe behind each pruning, and of the dense model: quantize for a float model "
            "by default, none for an integer one.",
        ),
    ] = None,
    data: DataFile = None,
    train_data: TrainData = None,
    tolerance: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, metavar="X", help="Accuracy that may be lost and still count equal."
        ),
    ] = 0.01,
    set_: Overrides = None,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="Processes.")] = 1,
    json: JsonFile = None,
    html: HtmlFile = None,
    md: MarkdownFile = None,
    csv: CsvFile = None,
) -> None:
    """From which sparsity on each structure of zeros is faster than dense, on each device."""
    from rich.console import Console

    from hwsim.cli.output import check_outputs, write_texts
    from reports.matrix import Csv, Html, Json, Markdown, page

    check_outputs((json, html, md, csv), (model, data, train_data))
    matter = _matter(model, device, structure, sparsity, then, data, train_data, tolerance, set_)
    record = _built(matter, jobs)
    wanted = ((json, Json()), (html, Html()), (md, Markdown()), (csv, Csv()))
    texts = {path: report.render(record) for path, report in wanted if path is not None}
    write_texts(texts)
    console = Console()
    console.print(page(record, console.width))
    for path in texts:
        Console(stderr=True).print(f"wrote {path}", highlight=False)


def _matter(
    model: str,
    devices: list[str] | None,
    structures: list[str] | None,
    sparsities: list[float] | None,
    then: str | None,
    data: Path | None,
    train_data: Path | None,
    tolerance: float,
    overrides: list[str] | None,
) -> Matter:
    """Read what the command line says; cheap checks first.

    Raises:
        HwsimError: Something cannot be read; the message says what.
    """
    from compressors import Recipe, parse
    from hwsim.cli.grid import override
    from hwsim.data import load_data
    from hwsim.interchange import load
    from hwsim.matrix import (
        DEFAULT_SPARSITIES,
        DEFAULT_STRUCTURES,
        Matter,
        prunings,
        rising,
        spelled,
    )
    from hwsim.profile import known_devices
    from hwsim.sweeps import rows_of, targets_of

    asked = spelled(structures or DEFAULT_STRUCTURES)
    ratios = rising(sparsities or DEFAULT_SPARSITIES)
    for each in asked:
        parse(prunings(each, ratios, 1)[0].spec)
    base = None if then is None else parse(then)
    targets = targets_of(
        devices or known_devices(), [dict(override(text) for text in overrides or ())]
    )
    judged = None if data is None else load_data(data)
    trained = None if train_data is None else load_data(train_data)
    graph = load(model)
    base = base or _default(graph, is_calibrated=judged is not None or trained is not None)
    (row,) = rows_of([graph], [base], targets, judged, trained)

    def pruned(spec: str) -> Recipe:
        steps = (*parse(spec).steps, *base.steps)
        return Recipe(steps=steps)

    return Matter(
        graph=graph,
        base=base,
        pruned=pruned,
        targets=targets,
        structures=asked,
        sparsities=ratios,
        data=row.data,
        training_data=row.training_data,
        tolerance=tolerance,
    )


def _default(graph: Graph, *, is_calibrated: bool) -> Recipe:
    """Return int8 for a model of floats alone; another stays as it is."""
    from compressors import parse

    weights = (weight for node in graph.nodes for weight in node.op.constants)
    types = graph.tensors.values()
    if any(t.quant is not None for t in types) or any(w.quant is not None for w in weights):
        return parse("none")
    return parse("quantize" if is_calibrated else _SYNTHETIC)


def _built(matter: Matter, jobs: int) -> Matrix:
    """Return the record, with a progress bar."""
    from concurrent.futures import ProcessPoolExecutor
    from contextlib import nullcontext
    from multiprocessing import get_context

    from hwsim.cli.output import TrainingBar
    from hwsim.matrix import build

    # Forked workers inherit the locks of the parent's threads; spawned ones start clean.
    workers = (
        nullcontext()
        if jobs == 1
        else ProcessPoolExecutor(max_workers=jobs, mp_context=get_context("spawn"))
    )
    with workers as executor, TrainingBar("pricing", 1) as bar:
        return build(matter, executor=executor, on_start=bar.expect, on_done=bar.advance)
