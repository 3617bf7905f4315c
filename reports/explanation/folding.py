"""Lines that break where a recipe does: behind a space, a bar or a comma, and never in a word."""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup

PIECES: Final = re.compile(r"[^ |,]*[ |,]+|[^ |,]+")

GLUE: Final = "\u00a0"
"""Stands between a figure and its % while lines are broken."""


def folded_at(text: str, width: int) -> tuple[str, ...]:
    """Return `text` in lines of at most `width`; a word that is longer has a line of its own."""
    lines = [""]
    for piece in PIECES.findall(text.replace(" %", f"{GLUE}%")):
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return tuple(line.rstrip().replace(GLUE, " ") for line in lines)


def breakable_at(text: str) -> Markup:
    """Return `text` escaped, with chances to break behind its bars and commas."""
    pieces: list[str] = PIECES.findall(text)
    return Markup("").join(
        Markup("{}").format(piece) + (Markup("<wbr>") if piece[-1] in "|," else "")
        for piece in pieces
    )
