"""Names of structures: as there is room for them."""

from __future__ import annotations

import re
from typing import Final

from reports.labels import folded

HEADER: Final = 7
"""Characters after which a structure breaks at the head of its column."""
LABELS: Final = {"unstructured": "any zeros"}
SHORT: Final = {**LABELS, "filter, rounded": "filter round"}


def label(structure: str) -> str:
    """Return what a structure is called where there is room."""
    return LABELS.get(structure, structure)


def shortest(structure: str) -> str:
    """Return a shorter name of a structure, where it has one."""
    return SHORT.get(structure, structure)


def short_name(structure: str) -> tuple[str, ...]:
    """Return the lines of a structure's name at the head of a narrow column."""
    return folded(re.sub(r"^block(?=\d)", "block ", shortest(structure)), HEADER)
