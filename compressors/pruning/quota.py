"""Which layers lose what fraction: patterns of names, and ratios of their own."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from compressors._patterns import chosen_of
from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from compressors.pruning.schedule import Stage

Scope: TypeAlias = Literal["local", "global", "lamp"]
"""Who competes: those of one layer, or of all, as they are or by `scopes.lamp_scores`."""

_Kind = TypeVar("_Kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Who is pruned, and how much.

    Attributes:
        sparsity: Fraction that goes of those without a ratio; None: nothing of them.
        ratios: (shell pattern of names, fraction that goes); the first that fits counts.
        layers: Names that are pruned: shell patterns, separated by `;`.
        exclude: Names that are not, likewise.
    """

    sparsity: float | None
    ratios: tuple[tuple[str, float], ...] = ()
    layers: str = "*"
    exclude: str = ""

    def choose(self, known: Mapping[str, _Kind], graph: str) -> dict[str, _Kind]:
        """Return those of `known` that the patterns name, and that lose something.

        Args:
            known: By name.
            graph: Its name, for messages.

        Raises:
            RecipeError: There are none, or a ratio names none.
        """
        chosen = chosen_of(known, self.layers, self.exclude, f"{graph}: prune")
        for pattern, _ in self.ratios:
            if not any(fnmatchcase(name, pattern) for name in chosen):
                raise RecipeError(
                    f"{graph}: prune.ratios: expected names of {', '.join(chosen)}, "
                    f"got {pattern!r}, which is none of them"
                )
        if self.sparsity is None and self.ratios:
            return {name: own for name, own in chosen.items() if self._ratio(name) is not None}
        return chosen

    def general(self, stage: Stage) -> float:
        """Return the fraction that is gone after `stage` of those without a ratio."""
        return stage.sparsity(self.sparsity or 0.0)

    def own(self, names: Iterable[str], stage: Stage) -> dict[str, float]:
        """Return the fractions that are gone after `stage` of those of `names` with a ratio."""
        fractions = {name: self._ratio(name) for name in names}
        return {name: stage.sparsity(f) for name, f in fractions.items() if f is not None}

    def fraction(self, name: str, stage: Stage) -> float:
        """Return the fraction of `name` that is gone after `stage`."""
        ratio = self._ratio(name)
        return self.general(stage) if ratio is None else stage.sparsity(ratio)

    def _ratio(self, name: str) -> float | None:
        return next((f for pattern, f in self.ratios if fnmatchcase(name, pattern)), None)


def read_ratios(text: str) -> tuple[tuple[str, float], ...]:
    """Return the (pattern, fraction) pairs of `conv1=0.3;fc*=0.8`; none of no text.

    Raises:
        ValueError: It is of another shape, or a fraction is not in 0..1, 1 excluded.
    """
    pairs: list[tuple[str, float]] = []
    for part in filter(None, text.split(";")):
        pattern, _, fraction = part.rpartition("=")
        try:
            value = float(fraction)
        except ValueError:
            value = -1.0
        if not pattern.strip() or not 0.0 <= value < 1.0:
            raise ValueError(
                "expected LAYER=FRACTION;... with 0 <= FRACTION < 1, such as "
                f"conv1=0.3;fc*=0.8, got {part!r}"
            )
        pairs.append((pattern.strip(), value))
    return tuple(pairs)
