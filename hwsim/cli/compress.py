"""`hwsim compress`: apply a recipe and keep the result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwsim.cli.options import Model


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
        typer.Option("--data", metavar="X.npz", help="What the recipe calibrates and trains on."),
    ] = None,
    style: Annotated[
        str | None,
        typer.Option(
            "--style",
            metavar="S",
            help="How .onnx holds integers: qdq (the default) or qoperator.",
        ),
    ] = None,
) -> None:
    """Compress a model and write it; what was evaluated is what is deployed."""
    from compressors import Workbench, parse
    from hwsim.cli.output import progress
    from hwsim.data import load_data
    from hwsim.interchange import load, save

    steps = parse(recipe)
    samples = None if data is None else load_data(data)
    graph = load(model)
    with progress("compressing", len(steps.steps)) as advance:
        bench = Workbench(data=samples)
        compressed = steps.compress(graph, bench, lambda step, _: advance(str(step)))
    save(compressed, output, style)
    typer.echo(
        f"{graph.name}: {graph.storage_bytes} bytes of constants -> "
        f"{compressed.storage_bytes} under {steps.name}, wrote {output}"
    )
