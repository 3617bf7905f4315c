"""How large a rank may be: what factors cost, and what they keep."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from compressors.factorization.spatial_svd import SpatialSvd
from compressors.factorization.svd import Svd, singular_values
from compressors.factorization.tucker2 import Tucker2
from hwsim.tensor import TensorType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from compressors.factorization.scheme import Ranks, Scheme
    from hwsim.arrays import FloatArray
    from hwsim.channels.layers import Layer
    from hwsim.op import Op

Method: TypeAlias = Literal["svd", "channel_svd", "spatial_svd", "tucker2"]

# The first of a method's schemes that takes a layer is used.
_SCHEMES: Mapping[Method, tuple[Scheme, ...]] = {
    "svd": (Svd(takes_kernels=False),),
    "channel_svd": (Svd(takes_kernels=True),),
    "spatial_svd": (SpatialSvd(), Svd(takes_kernels=False)),
    "tucker2": (Tucker2(), Svd(takes_kernels=False)),
}


def find_scheme(method: Method, op: Op) -> Scheme | None:
    """Return how `method` factorizes `op`, or None if it does not."""
    return next((scheme for scheme in _SCHEMES[method] if scheme.takes(op)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What layers cost, biases left out.

    Attributes:
        parameters: Weights.
        macs: Multiply-accumulates of one execution.
    """

    parameters: int
    macs: int

    def is_below(self, other: Cost) -> bool:
        """Return whether there are fewer weights, and no more multiply-accumulates."""
        return self.parameters < other.parameters and self.macs <= other.macs


def cost_of(layers: Sequence[Layer], x: TensorType) -> Cost:
    """Return the cost of `layers`, one behind the other.

    Args:
        layers: At least one.
        x: What the first reads.
    """
    parameters = macs = 0
    for op in layers:
        y = TensorType(shape=op.infer(x.shape)[0])
        parameters += op.weight.codes.size
        macs += op.workload((x,), (y,)).macs
        x = y
    return Cost(parameters=parameters, macs=macs)


def full_ranks(scheme: Scheme, op: Layer) -> Ranks:
    """Return the ranks at which the factors hold all of `op`."""
    return tuple(min(matrix.shape) for matrix in scheme.unfoldings(op))


def break_even_rank(op: Layer, x: TensorType, method: Method) -> int:
    """Return the largest rank whose factors cost less than `op`; 0 if there is none.

    For a matrix [m, n] it is the largest r < m n / (m + n). Less is fewer weights and no more
    multiply-accumulates; with several bonds each has that rank, or its full one.

    Args:
        op: Some layer that `method` takes.
        x: What it reads.
        method: How it is factorized.

    Raises:
        ValueError: `method` does not take `op`.
    """
    scheme = find_scheme(method, op)
    if scheme is None:
        raise ValueError(f"{method} takes no {op.kind} like this")
    dense = cost_of((op,), x)
    fulls = full_ranks(scheme, op)
    low, high = 0, max(fulls)
    while low < high:
        middle = (low + high + 1) // 2
        ranks = tuple(min(middle, full) for full in fulls)
        if _hollow_cost(scheme, op, ranks, x).is_below(dense):
            low = middle
        else:
            high = middle - 1
    return low


def _hollow_cost(scheme: Scheme, op: Layer, ranks: Ranks, x: TensorType) -> Cost:
    hollow = tuple(np.zeros(shape, np.float32) for shape in scheme.shapes(op, ranks))
    return cost_of(scheme.layers(op, hollow), x)


def energy_rank(matrix: FloatArray, energy: float) -> int:
    """Return the smallest rank that keeps this share of the sum of squared singular values.

    Args:
        matrix: Of any shape.
        energy: 0 < energy <= 1.
    """
    kept: list[float] = np.cumsum(singular_values(matrix) ** 2).tolist()
    return min(1 + bisect_left(kept, energy * kept[-1]), len(kept))
