"""All compressors. A new one is one file here and one line in COMPRESSORS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressors._compressor import Compressor
from compressors._parsing import read_recipe
from compressors.finetune import Finetune
from compressors.fuse import Fuse
from compressors.identity import Identity
from compressors.prune import Prune
from compressors.quantize import Quantize
from compressors.recipe import Recipe
from compressors.workbench import Workbench

if TYPE_CHECKING:
    from pathlib import Path

COMPRESSORS: tuple[type[Compressor], ...] = (
    Finetune,
    Fuse,
    Identity,
    Prune,
    Quantize,
)


def parse(spec_or_path: str | Path) -> Recipe:
    """Return the recipe of a spec string, or of a YAML file.

    Raises:
        RecipeError: An unknown step or setting, one out of range, or text of another shape.
    """
    return read_recipe(spec_or_path, COMPRESSORS)


__all__ = [
    "COMPRESSORS",
    "Compressor",
    "Finetune",
    "Fuse",
    "Identity",
    "Prune",
    "Quantize",
    "Recipe",
    "Workbench",
    "parse",
]
