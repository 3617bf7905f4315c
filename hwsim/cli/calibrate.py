"""`hwsim calibrate`: a device profile of this host, fitted to layers that are measured here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def calibrate(
    runtime: Annotated[
        str, typer.Option("--runtime", metavar="R", help="What runs them: litert, onnxruntime.")
    ],
    output: Annotated[
        Path, typer.Option("--output", metavar="PROFILE.yaml", help="Where the profile goes.")
    ],
    threads: Annotated[
        int, typer.Option("--threads", min=1, help="Threads of the runtime.")
    ] = 1,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Draws the layers and the order of the rounds.")
    ] = 0,
    samples: Annotated[
        Path | None,
        typer.Option("--samples", metavar="CSV", help="Also write every layer and network."),
    ] = None,
    patience: Annotated[
        float,
        typer.Option(
            "--patience", metavar="SECONDS", min=1,
            help="How long to wait for moments in which nobody else uses the core.",
        ),
    ] = 180.0,
) -> None:  # fmt: skip
    """Measure layers on this host, fit few constants, report the error on layers held out."""
    from hwsim.calibrate.command import calibrated
    from hwsim.calibrate.runtimes import find_runtime
    from hwsim.cli.output import write_texts

    if output.suffix != ".yaml":
        raise typer.BadParameter(f"--output: expected a file that ends in .yaml, got {output}")
    made = calibrated(
        find_runtime(runtime),
        output.stem,
        threads=threads,
        seed=seed,
        patience_s=patience,
        table=samples.name if samples is not None else "",
        say=lambda line: typer.echo(line, err=True),
    )
    texts = {output: made.text}
    if samples is not None:
        texts[samples] = made.table
    write_texts(texts)
    for line in made.report:
        typer.echo(line)
