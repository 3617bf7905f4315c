"""`hwsim schema`: what editors need to check and complete the files that people write."""

from __future__ import annotations

from typing import Annotated

import typer

from hwsim.cli.options import SchemaKind


def schema(
    kind: Annotated[SchemaKind, typer.Argument(help="Of which files.")],
) -> None:
    """Print the JSON Schema of a kind of YAML file, for editors that check it as it is typed."""
    from hwsim.cli.schemas import schema_text

    typer.echo(schema_text(kind), nl=False)
