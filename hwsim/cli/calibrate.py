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
    _check_places(output, samples)
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


def _check_places(output: Path, samples: Path | None) -> None:
    """Refuse files that cannot be written, before minutes of measuring and not after them.

    Raises:
        typer.BadParameter: A folder is missing, a file is one, or both are the same file.
    """
    for option, path in (("--output", output), ("--samples", samples)):
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            raise typer.BadParameter(
                f"{option}: expected a file in a folder that exists, got {path}"
            )
    if samples is not None and samples.resolve() == output.resolve():
        raise typer.BadParameter(f"--samples: expected another file than --output, got {samples}")
