"""Optimal brain surgery, layer by layer: the weights that stay make up for those that go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from compressors.pruning.calibration import rebuild
from compressors.pruning.masks import keep_n_of_m
from compressors.quantization.hessian import hessians, inverse_root
from hwsim.channels.layers import group_count
from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from compressors.pruning.criteria import Study
    from hwsim.arrays import Array, FloatArray
    from hwsim.channels.layers import Layer
    from hwsim.formats import NM
    from hwsim.graph import Node
    from hwsim.op import Op
    from hwsim.tensor import Weight

# Columns whose weights compete, and whose errors reach those behind them together. The paper's 128
# (arXiv 2301.00774, section 4.1) are for thousands of columns: in layers of some hundred, choices
# that see what earlier ones changed leave smaller errors.
_COLUMNS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """How much of a matrix goes.

    Attributes:
        fraction: Of all weights; those that are zero already are among them.
        pattern: Instead: at most n of each m columns stay.
    """

    fraction: float = 0.0
    pattern: NM | None = None


def surgery(study: Study, shares: Mapping[str, Portion], damping: float) -> dict[str, Weight]:
    """Return the weights of the layers named in `shares`, pruned in the order in which they run.

    Each sees what the pruned layers before it make of the inputs (Frantar and Alistarh,
    "SparseGPT", arXiv 2301.00774).

    Args:
        study: Graph, layers and inputs.
        shares: By layer, how much goes.
        damping: Part of the mean of the Hessian's diagonal that is added to all of it.

    Raises:
        RecipeError: A weight is an integer: what is left of it must change.
    """
    for name in shares:
        weight = study.layers[name].weight
        if weight.quant is not None:
            raise RecipeError(
                f"{study.graph.name}/{name}: prune{{criterion=obs}} changes the weights that stay "
                f"and expected reals, got int{weight.bits}; prune before quantize"
            )

    weights: dict[str, Weight] = {}

    def change(node: Node, parts: Iterable[FloatArray]) -> Op:
        if node.name not in shares:
            return node.op
        op = study.layers[node.name]
        weights[node.name] = _operated(op, hessians(op, parts), shares[node.name], damping)
        return replace(op, weight=weights[node.name])

    rebuild(study.graph, study.inputs(), change)
    return weights


def _operated(op: Layer, hessians: FloatArray, share: Portion, damping: float) -> Weight:
    groups = group_count(op)
    matrices = op.weight.real().reshape(groups, op.weight.shape[0] // groups, -1)
    real = np.stack(
        [
            pruned_matrix(matrix, hessian, share, damping)
            for matrix, hessian in zip(matrices, hessians, strict=True)
        ]
    )
    return op.weight.with_real(real.reshape(op.weight.shape))


def pruned_matrix(
    real: FloatArray, hessian: FloatArray, share: Portion, damping: float
) -> FloatArray:
    """Return `real` [rows, depth] with weights set to 0, and the ones behind them changed.

    Column by column: a weight w_q that goes is worth w_q^2 / (2 [H^-1]_qq), and the others of its
    row move by -w_q / [H^-1]_qq times column q of H^-1 (Hassibi and Stork, "Second Order
    Derivatives for Network Pruning: Optimal Brain Surgeon", 1992, equation 5), where H is what is
    left of it once the columns before are decided (SparseGPT, arXiv 2301.00774, algorithm 1).
    Weights that are zero stay zero.

    Args:
        real: Weights.
        hessian: [depth, depth].
        share: How much goes.
        damping: As in `surgery`.
    """
    rows, depth = real.shape
    root = inverse_root(hessian, damping)
    dead, gone, left = np.diag(hessian) == 0.0, real == 0.0, real.copy()
    removed = 0
    # Groups of m columns are decided at once.
    step = _COLUMNS if share.pattern is None else share.pattern.m * -(-_COLUMNS // share.pattern.m)
    for first in range(0, depth, step):
        last = min(first + step, depth)
        errors = np.zeros((rows, last - first))
        keep = np.ones((rows, last - first), bool)
        if share.pattern is None:
            worth = _worth(left, root, dead, gone, slice(first, last))
            count = max(round(share.fraction * rows * last) - removed, 0)
            keep = _without_lowest(worth, count)
            keep &= ~gone[:, first:last]
            removed += int((~keep).sum())
        for i in range(first, last):
            if share.pattern is not None and (i - first) % share.pattern.m == 0:
                group = slice(i, min(i + share.pattern.m, last))
                worth = _worth(left, root, dead, gone, group)
                chosen = keep_n_of_m(worth, share.pattern.n, share.pattern.m)
                keep[:, group.start - first : group.stop - first] = chosen & ~gone[:, group]
            error = np.where(keep[:, i - first], 0.0, left[:, i]) / root[i, i]
            left[:, i:last] -= np.outer(error, root[i, i:last])
            left[~keep[:, i - first], i] = 0.0
            errors[:, i - first] = error
        left[:, last:] -= errors @ root[first:last, last:]
    return left


def _worth(
    left: FloatArray, root: FloatArray, dead: Array, gone: Array, columns: slice
) -> FloatArray:
    """Return what the loss grows by without each weight: [rows, columns]; -inf if it is gone."""
    inverse = np.square(np.diag(root)[columns])
    worth = np.where(dead[columns], 0.0, np.square(left[:, columns]) / (2.0 * inverse))
    return np.where(gone[:, columns], -np.inf, worth)


def _without_lowest(worth: FloatArray, count: int) -> Array:
    keep = np.ones(worth.size, bool)
    keep[np.argsort(worth, axis=None, kind="stable")[:count]] = False
    return keep.reshape(worth.shape)
