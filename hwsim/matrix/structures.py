"""Structures of zeros by their names: which ratios they are pruned at, and by which recipe."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hwsim.errors import RecipeError
from hwsim.formats.find import pattern_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FILTER: Final = "filter"
ROUNDED: Final = "filter, rounded"
"""As `filter`; the channels that stay are multiples of what the device's kernels round up to."""

DEFAULT_STRUCTURES: Final = (
    "unstructured",
    "2:4",
    "1:4",
    "block1x4",
    "block4x4",
    "block16x1",
    FILTER,
    ROUNDED,
)
DEFAULT_SPARSITIES: Final = (0.25, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """One way to prune: what one recipe of a rung does, whatever the device.

    Attributes:
        structure: As `prune{structure=...}` takes it.
        sparsity: Share that goes, 0..1.
        round_to: Channels that filter pruning leaves are multiples of this.
    """

    structure: str
    sparsity: float
    round_to: int = 1

    @property
    def spec(self) -> str:
        """The recipe's text."""
        settings = [f"structure={json.dumps(self.structure)}"]
        if pattern_of(self.structure) is None:
            settings.append(f"sparsity={self.sparsity}")
        if self.round_to > 1:
            settings.append(f"round_to={self.round_to}")
        return f"prune{{{','.join(settings)}}}"


def prunings(structure: str, sparsities: Sequence[float], round_to: int) -> tuple[Pruning, ...]:
    """Return the rungs of a structure; a pattern has the one that it says.

    Args:
        structure: One of `DEFAULT_STRUCTURES`, or another that pruning knows.
        sparsities: Rising.
        round_to: What the device's kernels round channels up to.
    """
    pattern = pattern_of(structure)
    if pattern is not None:
        return (Pruning(structure=structure, sparsity=1.0 - pattern.n / pattern.m),)
    is_rounded = structure == ROUNDED
    return tuple(
        Pruning(
            structure=FILTER if is_rounded else structure,
            sparsity=sparsity,
            round_to=round_to if is_rounded else 1,
        )
        for sparsity in sparsities
    )


def rising(sparsities: Iterable[float]) -> tuple[float, ...]:
    """Return the sparsities in order, each once.

    Raises:
        RecipeError: One of them is none.
    """
    known = tuple(sorted(set(sparsities)))
    for sparsity in known:
        if not 0.0 < sparsity < 1.0:
            raise RecipeError(
                f"sparsity {sparsity:g}: expected more than 0 and less than 1, such as 0.9; "
                "the dense model is priced anyway"
            )
    return known


def spelled(structures: Iterable[str]) -> tuple[str, ...]:
    """Return the structures with one spelling each: `filter,rounded` is `filter, rounded`.

    Raises:
        RecipeError: One is given twice.
    """
    names = tuple(re.sub(r"\s*,\s*", ", ", structure.strip()) for structure in structures)
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(f"structure {name!r} is given twice; drop one")
    return names
