"""Singular value decomposition of the matrix [out, rest] of a layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from compressors.factorization.scheme import is_pointwise, is_whole, weight_of
from hwsim.ops import Conv2d, Linear

if TYPE_CHECKING:
    from compressors.factorization.scheme import Ranks
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.channels.layers import Layer
    from hwsim.op import Op


def singular_values(matrix: FloatArray) -> FloatArray:
    """Return the singular values of `matrix`, falling."""
    return np.asarray(np.linalg.svd(matrix, compute_uv=False), np.float64)


def halves(matrix: FloatArray, rank: int) -> tuple[FloatArray, FloatArray]:
    """Return (left [rows, rank], right [rank, columns]), whose product is nearest to `matrix`.

    U_r sqrt(S_r) and sqrt(S_r) V_r^T: the error is sqrt(sum of the squares of the singular values
    that are left out), and no product of that rank has less (Eckart and Young, 1936).
    """
    left, scale, right = np.linalg.svd(matrix, full_matrices=False)
    root = np.sqrt(scale[:rank])
    return left[:, :rank] * root, root[:, None] * right[:rank]


@dataclass(frozen=True, slots=True)
class Svd:
    """W ~ U_r S V_r^T: the layer with `rank` outputs, then a product per position.

    For linear layers, Xue et al., Interspeech 2013; for kernels, the layer to `rank` channels and
    a 1 x 1 convolution (Zhang et al., arXiv 1505.06798, section 3.1).

    Attributes:
        takes_kernels: Whether kernels larger than 1 x 1 are taken, too.
    """

    takes_kernels: bool

    @property
    def parts(self) -> tuple[str, ...]:
        """See `Scheme.parts`."""
        return ("reduce",)

    def takes(self, op: Op) -> bool:
        """See `Scheme.takes`."""
        return is_whole(op) and (self.takes_kernels or is_pointwise(op))

    def unfoldings(self, op: Layer) -> tuple[FloatArray, ...]:
        """See `Scheme.unfoldings`: [out, rest]."""
        real = op.weight.real()
        return (real.reshape(len(real), -1),)

    def shapes(self, op: Layer, ranks: Ranks) -> tuple[Shape, ...]:
        """See `Scheme.shapes`."""
        out, *rest = op.weight.shape
        return (ranks[0], *rest), (out, *(1,) * (len(rest) - 1), ranks[0])

    def factors(self, op: Layer, ranks: Ranks) -> tuple[FloatArray, ...]:
        """See `Scheme.factors`."""
        left, right = halves(self.unfoldings(op)[0], ranks[0])
        first, last = self.shapes(op, ranks)
        return right.reshape(first), left.reshape(last)

    def layers(self, op: Layer, factors: tuple[Array, ...]) -> tuple[Layer, ...]:
        """See `Scheme.layers`.

        The first has no bias: what it makes of padding is 0, and adds nothing in the second.
        """
        first, last = map(weight_of, factors)
        reduce = replace(op, weight=first, bias=None, activation="none")
        kind = Linear if isinstance(op, Linear) else Conv2d
        return reduce, kind(weight=last, bias=op.bias, activation=op.activation)
