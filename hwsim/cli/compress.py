"""`hwsim compress`: apply a recipe and keep the result."""

from __future__ import annotations

from contextlib import nullcontext
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
            help="How .onnx holds integers: qdq (the default) or qoperator, or sparse: as qdq, "
            "zeros left out; how .tflite holds weights: dense (the default) or sparse.",
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
    from hwsim.cli.output import TrainingBar, check_outputs
    from hwsim.cli.steps import steps_table
    from hwsim.data import load_data
    from hwsim.errors import DataError, ProfileError
    from hwsim.interchange import load, save
    from hwsim.profile import load_profile
    from hwsim.row import latency_on
    from hwsim.whole_file import whole_file

    _check_output(output)
    check_outputs((output, steps), (model, recipe, data, train_data, teacher))
    read = parse(recipe)
    given = None if data is None else load_data(data)
    training = given if train_data is None else load_data(train_data)
    if given is not None and train_data is not None and given.y is None:
        raise DataError(
            f"{given.name}: expected labels, as --data judges where --train-data is given, got "
            "none; add y, or leave --data out"
        )
    if set_ and device is None:
        raise ProfileError(
            f"--set {set_[0]}: expected --device, whose profile it changes, got none"
        )
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
    # Both files or none: the table is put in its place when the model is written.
    with nullcontext() if steps is None else whole_file(steps) as part:
        if part is not None:
            part.write_text(done.layers.to_csv(index=False), encoding="utf-8")
        notes = save(done.graph, output, style)
    Console().print(steps_table(done.steps))
    typer.echo(
        f"{graph.name}: {graph.storage_bytes} bytes of constants -> "
        f"{done.graph.storage_bytes} under {read.name}, wrote {output}"
    )
    for note in notes:
        typer.echo(note)


def _check_output(output: Path) -> None:
    """Refuse before the work is done, not afterwards, what cannot be written."""
    from hwsim.errors import InterchangeError
    from hwsim.interchange.files import FORMATS

    suffixes = [format_.suffix for format_ in FORMATS if format_.write is not None]
    if output.suffix not in suffixes:
        raise InterchangeError(
            f"{output}: cannot write {output.suffix or 'a file without suffix'!r}; "
            f"writes: {', '.join(suffixes)}"
        )


def _kept_in(
    folder: Path, bar: TrainingBar, device: str | None, overrides: list[str] | None
) -> Checkpoints:
    """Return what keeps finished steps and epochs in `folder`, and moves `bar`."""
    from compressors.checkpoints import Checkpoints
    from hwsim.interchange import load, save

    context = " ".join([device or "", *(overrides or ())])
    return Checkpoints(folder, save, load, watcher=bar, context=context)
