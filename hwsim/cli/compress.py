"""`hwsim compress`: apply a recipe and keep the result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwsim.cli.options import Model, Overrides

if TYPE_CHECKING:
    from compressors.checkpoints import Checkpoints
    from hwsim.cli.output import TrainingBar


def compress(
    model: Model,
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="R", help="A spec string or a .yaml file.")
    ],
    output: Annotated[
        Path, typer.Option("--output", metavar="OUT.hwsim|.tflite|.onnx", help="Where to.")
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="X.npz",
            help="What the recipe calibrates and trains on; what judges each step where "
            "--train-data is given.",
        ),
    ] = None,
    train_data: Annotated[
        Path | None,
        typer.Option("--train-data", metavar="T.npz", help="What the recipe trains on instead."),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option("--teacher", metavar="MODEL", help="What to distill from; MODEL itself else."),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="D", help="Whose latency steps with a budget may ask."),
    ] = None,
    set_: Overrides = None,
    steps: Annotated[
        Path | None,
        typer.Option("--steps", metavar="F.csv", help="What each step did to each layer."),
    ] = None,
    checkpoints: Annotated[
        Path | None,
        typer.Option(
            "--checkpoints",
            metavar="DIR",
            help="Keep finished steps and epochs here; the same command goes on from them.",
        ),
    ] = None,
    style: Annotated[
        str | None,
        typer.Option(
            "--style",
            metavar="S",
            help="How .onnx holds integers: qdq (the default) or qoperator; how .tflite holds "
            "weights: dense (the default) or sparse.",
        ),
    ] = None,
) -> None:
    """Compress a model and write it; what was evaluated is what is deployed.

    Prints what each step did: bytes, zeros, bits, effective MACs, and accuracy where --data
    judges.
    """
    from rich.console import Console

    from compressors import Workbench, parse
    from compressors.journal import journal
    from hwsim.cli.grid import override
    from hwsim.cli.output import TrainingBar, write_texts
    from hwsim.cli.steps import steps_table
    from hwsim.data import load_data
    from hwsim.interchange import load, save
    from hwsim.profile import load_profile
    from hwsim.row import latency_on

    read = parse(recipe)
    given = None if data is None else load_data(data)
    training = given if train_data is None else load_data(train_data)
    laid_over = dict(override(text) for text in set_ or ())
    price = None if device is None else latency_on(load_profile(device, laid_over))
    graph = load(model)
    try:
        with TrainingBar("compressing", len(read.steps)) as bar:
            bench = Workbench(
                data=training,
                teacher=None if teacher is None else load(teacher),
                price=price,
                watcher=bar if checkpoints is None else _kept_in(checkpoints, bar, device, set_),
            )
            done = journal(
                read,
                graph,
                bench,
                judge=None if train_data is None else given,
                on_step=lambda step, _: bar.advance(str(step)),
            )
    except KeyboardInterrupt:
        told = "add --checkpoints DIR to keep what is finished"
        if checkpoints is not None:
            told = f"the same command goes on from what {checkpoints} keeps"
        typer.echo(f"hwsim: stopped, {output} is not written; {told}", err=True)
        raise
    notes = save(done.graph, output, style)
    if steps is not None:
        write_texts({steps: done.layers.to_csv(index=False)})
    Console().print(steps_table(done.steps))
    typer.echo(
        f"{graph.name}: {graph.storage_bytes} bytes of constants -> "
        f"{done.graph.storage_bytes} under {read.name}, wrote {output}"
    )
    for note in notes:
        typer.echo(note)


def _kept_in(
    folder: Path, bar: TrainingBar, device: str | None, overrides: list[str] | None
) -> Checkpoints:
    """Return what keeps finished steps and epochs in `folder`, and moves `bar`."""
    from compressors.checkpoints import Checkpoints
    from hwsim.interchange import load, save

    context = " ".join([device or "", *(overrides or ())])
    return Checkpoints(folder, save, load, watcher=bar, context=context)
