"""Against what a score competes: those of its layer, or those of all layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from compressors.pruning.masks import keep_largest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compressors.pruning.quota import Scope
    from hwsim.arrays import Array, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contest:
    """How much goes, and who competes with whom.

    Attributes:
        sparsity: Fraction that goes, 0 <= sparsity < 1.
        scope: `local`: of each layer. `global`: of all layers together. `lamp`: likewise, by each
            layer's `lamp_scores`.
        is_relative: Whether scores of different layers are compared as multiples of their layer's
            mean.
        fractions: By layer, what it loses instead, whatever the scope.
    """

    sparsity: float
    scope: Scope = "local"
    is_relative: bool = False
    fractions: Mapping[str, float] = field(default_factory=dict[str, float])


def survivors(scores: Mapping[str, FloatArray], contest: Contest) -> dict[str, Array]:
    """Return per layer where to keep: bool, in the shape of its scores.

    Args:
        scores: Per layer; -inf for what is gone already, and goes first.
        contest: Who competes.
    """
    alone = {
        name: contest.fractions.get(name, contest.sparsity)
        for name in scores
        if contest.scope == "local" or name in contest.fractions
    }
    kept = {name: keep_largest(scores[name], fraction) for name, fraction in alone.items()}
    together = {
        name: _comparable(own, contest).reshape(-1)
        for name, own in scores.items()
        if name not in alone
    }
    if together:
        keep = keep_largest(np.concatenate(list(together.values())), contest.sparsity)
        ends = np.cumsum([own.size for own in together.values()])[:-1]
        for name, part in zip(together, np.split(keep, ends), strict=True):
            kept[name] = part.reshape(scores[name].shape)
    return kept


def _comparable(scores: FloatArray, contest: Contest) -> FloatArray:
    """Return scores that may be compared with those of other layers."""
    if contest.scope == "lamp":
        return lamp_scores(scores)
    if contest.is_relative:
        return scores / (scores[np.isfinite(scores)].sum() / scores.size or 1.0)
    return scores


def lamp_scores(magnitudes: FloatArray) -> FloatArray:
    """Return w^2 over the sum of the squares of all that are at least as large, flat.

    Of equal magnitudes the later counts as larger. The largest of a layer has 1, the most there
    is: no layer goes whole (Lee et al., "Layer-adaptive sparsity for the Magnitude-based Pruning",
    arXiv 2010.07611, section 3, equation 5).

    Args:
        magnitudes: >= 0, or -inf for what is gone already.
    """
    squares = np.square(np.maximum(magnitudes.reshape(-1), 0.0))
    order = np.argsort(squares, kind="stable")
    survivors_sum = np.cumsum(squares[order][::-1])[::-1]
    scores = np.empty(squares.size)
    scores[order] = squares[order] / np.where(survivors_sum == 0, 1.0, survivors_sum)
    return np.where(np.isneginf(magnitudes.reshape(-1)), -np.inf, scores)
