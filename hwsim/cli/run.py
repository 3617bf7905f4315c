"""`hwsim run`: the integers of one runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwsim.cli.options import Model


def run(
    model: Model,
    data: Annotated[Path, typer.Option("--data", metavar="X.npz", help="x: stacked inputs.")],
    output: Annotated[
        Path, typer.Option("--output", metavar="Y.npz", help="Outputs, by tensor name.")
    ],
    numerics: Annotated[
        str,
        typer.Option(
            "--numerics",
            metavar="POLICY",
            help="tflite-ref, tflm, xnnpack, or the name of a device profile.",
        ),
    ] = "tflite-ref",
    all_tensors: Annotated[
        bool, typer.Option("--all-tensors", help="Every tensor, not the outputs alone.")
    ] = False,
) -> None:
    """Run a model bit-exactly as a runtime would, and write what it gives."""
    import numpy as np

    from hwsim.data import load_data
    from hwsim.execute import prepare_all, without_batch
    from hwsim.interchange import load
    from hwsim.whole_file import whole_file

    samples = load_data(data)
    graph = load(model)
    wanted = tuple(graph.tensors) if all_tensors else graph.outputs
    results = prepare_all(graph, numerics, wanted)(samples.x)
    arrays = {name: without_batch(value) for name, value in results.items()}
    with whole_file(output) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    typer.echo(f"{graph.name}: {samples.count} samples under {numerics}, wrote {output}")
