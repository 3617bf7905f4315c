"""`hwsim schema`: what editors need to check and complete the files that people write."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import typer

Kind: TypeAlias = Literal["profile", "recipe", "sweep", "space"]
"""What there is a schema of."""


def schema(
    kind: Annotated[Kind, typer.Argument(help="Of which files.")],
) -> None:
    """Print the JSON Schema of a kind of YAML file, for editors that check it as it is typed."""
    from hwsim.cli.schemas import schema_text

    typer.echo(schema_text(kind), nl=False)
