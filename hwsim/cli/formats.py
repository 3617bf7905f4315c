"""`hwsim formats`: the storage formats, and the bytes that a model takes in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hwsim.cli.options import DataFile, JsonFile

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hwsim.formats import Format


def formats(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="As in evaluate; all formats without.")
    ] = None,
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="R", help="What to do to MODEL first.")
    ] = "none",
    data: DataFile = None,
    format_: Annotated[
        list[str] | None,
        typer.Option(
            "--format", metavar="F", help="Try this one too: 3:8, bsr1x16, rle5; may be repeated."
        ),
    ] = None,
    json: JsonFile = None,
) -> None:
    """List storage formats and when they pay, or what a model's layers take in each."""
    import json as json_library

    from hwsim.cli.output import check_outputs, write_texts
    from hwsim.errors import RecipeError
    from hwsim.formats.find import find_format

    check_outputs([json], [model, data])
    asked = tuple(dict.fromkeys(find_format(name) for name in format_ or ()))
    if model is None and (recipe != "none" or data is not None or asked):
        given = "--recipe" if recipe != "none" else "--data" if data is not None else "--format"
        raise RecipeError(f"formats: {given} is for a model, got none; hwsim formats MODEL {given}")
    tree, page = _of_all() if model is None else _of_model(model, recipe, data, asked)
    if json is not None:
        write_texts({json: json_library.dumps(tree, indent=1) + "\n"})
    from rich.console import Console

    Console().print(page)


def _of_all() -> tuple[dict[str, object], RenderableType]:
    """Return the record and the page of all formats."""
    from hwsim.cli.formats_table import formats_page, formats_rows

    rows = formats_rows()
    return {"formats": [row.record() for row in rows]}, formats_page(rows)


def _of_model(
    model: str, recipe: str, data: DataFile, asked: tuple[Format, ...]
) -> tuple[dict[str, object], RenderableType]:
    """Return the record and the page of a model's layers."""
    from rich.console import Console

    from compressors import parse
    from hwsim.channels.layers import layers_of
    from hwsim.cli.formats_sizes import sizes_of
    from hwsim.cli.formats_table import sizes_page
    from hwsim.cli.output import progress
    from hwsim.data import load_data
    from hwsim.errors import RecipeError
    from hwsim.formats import FORMATS
    from hwsim.interchange import load

    read = parse(recipe)
    given = None if data is None else load_data(data)
    graph = read.apply(load(model), given)
    layers = layers_of(graph)
    if not layers:
        raise RecipeError(f"{graph.name}: expected convolutions or linear layers, got none")
    with progress("packing", len(layers)) as advance:
        sizes = sizes_of(graph.name, layers, (*FORMATS, *asked), advance)
    names = [each.name for each in asked]
    return sizes.record(read.name), sizes_page(sizes, Console().width, names)
