"""Structures of zeros against devices: how sparse a model must be before it pays."""

from hwsim.matrix.build import build
from hwsim.matrix.crossover import crossover
from hwsim.matrix.matter import Matter
from hwsim.matrix.structures import (
    DEFAULT_SPARSITIES,
    DEFAULT_STRUCTURES,
    FILTER,
    ROUNDED,
    prunings,
    rising,
    spelled,
)

__all__ = [
    "DEFAULT_SPARSITIES",
    "DEFAULT_STRUCTURES",
    "FILTER",
    "ROUNDED",
    "Matter",
    "build",
    "crossover",
    "prunings",
    "rising",
    "spelled",
]
