"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

Models: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL...",
        help="A .tflite, .onnx, .pt2, .hwsim file, a .csv or .json table of layer shapes, or "
        "module:callable that returns an nn.Module or (module, example_inputs).",
    ),
]
Model: TypeAlias = Annotated[str, typer.Argument(metavar="MODEL", help="As in evaluate.")]
Devices: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--device",
        metavar="D",
        help="A profile's name or a .yaml file; may be repeated. All shipped ones by default.",
    ),
]
Recipes: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--recipe",
        metavar="R",
        help="'none', a spec such as 'prune{sparsity=0.9}|quantize', or a .yaml file; "
        "may be repeated.",
    ),
]
DataFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--data", metavar="X.npz", help="x: stacked inputs; y: labels, for accuracy."),
]
TrainData: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--train-data",
        metavar="T.npz",
        help="What recipes calibrate and train on. Without it they calibrate on the inputs of "
        "--data, and those that train are refused.",
    ),
]
Overrides: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a key of every profile, such as hardware.clock_hz=80e6; may be repeated.",
    ),
]


def report_file(suffix: str) -> typer.models.OptionInfo:
    """Return the option that writes a report of this kind."""
    return typer.Option(f"--{suffix}", metavar="F", help=f"Write the report as {suffix.upper()}.")


JsonFile: TypeAlias = Annotated[Path | None, report_file("json")]
HtmlFile: TypeAlias = Annotated[Path | None, report_file("html")]
MarkdownFile: TypeAlias = Annotated[Path | None, report_file("md")]
CsvFile: TypeAlias = Annotated[Path | None, report_file("csv")]
SchemaKind: TypeAlias = Literal["profile", "recipe", "sweep", "space"]
"""What there is a JSON Schema of."""
