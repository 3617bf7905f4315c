"""All compressors. A new one is one file here and one line in COMPRESSORS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressors._compressor import Compressor
from compressors._parsing import read_recipe
from compressors.adaround import Adaround
from compressors.compact import Compact
from compressors.correct_bias import CorrectBias
from compressors.distill import Distill
from compressors.encode import Encode
from compressors.equalize import Equalize
from compressors.factorize import Factorize
from compressors.finetune import Finetune
from compressors.fuse import Fuse
from compressors.gptq import Gptq
from compressors.identity import Identity
from compressors.iterative_clip import IterativeClip
from compressors.mixed_precision import MixedPrecision
from compressors.prune import Prune
from compressors.qat import Qat
from compressors.quantize import Quantize
from compressors.recipe import Recipe
from compressors.share import Share
from compressors.workbench import Workbench

if TYPE_CHECKING:
    from pathlib import Path

COMPRESSORS: tuple[type[Compressor], ...] = (
    Adaround,
    Compact,
    CorrectBias,
    Distill,
    Encode,
    Equalize,
    Factorize,
    Finetune,
    Fuse,
    Gptq,
    Identity,
    IterativeClip,
    MixedPrecision,
    Prune,
    Qat,
    Quantize,
    Share,
)


def parse(spec_or_path: str | Path) -> Recipe:
    """Return the recipe of a spec string, or of a YAML file.

    Raises:
        RecipeError: An unknown step or setting, one out of range, or text of another shape.
    """
    return read_recipe(spec_or_path, COMPRESSORS)


__all__ = [
    "COMPRESSORS",
    "Adaround",
    "Compact",
    "Compressor",
    "CorrectBias",
    "Distill",
    "Encode",
    "Equalize",
    "Factorize",
    "Finetune",
    "Fuse",
    "Gptq",
    "Identity",
    "IterativeClip",
    "MixedPrecision",
    "Prune",
    "Qat",
    "Quantize",
    "Recipe",
    "Share",
    "Workbench",
    "parse",
]
