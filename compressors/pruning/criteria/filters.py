"""Scores of filters by weights: how replaceable they are, and how much a norm makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compressors.pruning.followers import following_norm
from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from compressors.pruning.criteria._criterion import Study
    from hwsim.arrays import FloatArray


def geometric_median(study: Study) -> dict[str, FloatArray]:
    """Return of each filter the sum of its L2 distances to all filters of its layer.

    The filter nearest to their geometric median is the one that the others replace best (He et
    al., arXiv 1811.00250, section 3.3, equation 6).
    """
    return {
        name: _distances(op.weight.real().reshape(op.weight.shape[0], -1))
        for name, op in study.layers.items()
    }


def _distances(filters: FloatArray) -> FloatArray:
    """Return the sums [out] of distances between the rows of [out, rest]."""
    products = filters @ filters.T
    squares = np.diag(products)
    # Rounding may leave less than nothing between rows that are equal.
    between = np.maximum(squares[:, None] + squares - 2 * products, 0.0)
    np.fill_diagonal(between, 0.0)
    return np.sqrt(between).sum(axis=1)


def bn_scale(study: Study) -> dict[str, FloatArray]:
    """Return |gamma| of the batch norm behind each layer (Liu et al., arXiv 1708.06519).

    Raises:
        RecipeError: There is none behind some layer.
    """
    scores: dict[str, FloatArray] = {}
    for name in study.layers:
        norm = following_norm(study.graph, name)
        if norm is None:
            raise RecipeError(
                f"{study.graph.name}/{name}: prune{{criterion=bn_scale}} expected a batch norm "
                f"behind the layer, got none; prune before fuse, or exclude={name}"
            )
        scores[name] = np.abs(norm.gamma.real())
    return scores
