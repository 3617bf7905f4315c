"""The schemas of docs/schemas/, as `hwsim schema` prints them: `python -m tests.schema_files`."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from hwsim.cli.options import SchemaKind
from hwsim.cli.schemas import schema_text

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"
KINDS: tuple[SchemaKind, ...] = get_args(SchemaKind)


def file_of(kind: SchemaKind) -> Path:
    """Return where the schema of a kind of file is kept."""
    return FOLDER / f"{kind}.schema.json"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        file_of(kind).write_text(schema_text(kind), encoding="utf-8")
