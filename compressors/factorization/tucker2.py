"""Tucker decomposition of a kernel along its input and its output channels."""

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


@dataclass(frozen=True, slots=True)
class Tucker2:
    """W ~ core x_in A x_out B: 1 x 1 to few channels, the small kernel, 1 x 1 to all channels.

    Kim et al., arXiv 1511.06530, section 3.1. The bases start as the singular vectors of both
    unfoldings (HOSVD) and are improved in turn, each for the other's best (HOOI; De Lathauwer et
    al., SIAM J. Matrix Anal. Appl. 21, 2000): the error never grows.

    Attributes:
        sweeps: Of the improvement, >= 0.
    """

    sweeps: int = 10

    @property
    def parts(self) -> tuple[str, ...]:
        """See `Scheme.parts`."""
        return ("reduce", "core")

    def takes(self, op: Op) -> bool:
        """See `Scheme.takes`."""
        return is_whole(op) and not is_pointwise(op)

    def unfoldings(self, op: Layer) -> tuple[FloatArray, ...]:
        """See `Scheme.unfoldings`: [in, rest], then [out, rest]."""
        real = op.weight.real()
        return _unfolded(real, 3), _unfolded(real, 0)

    def shapes(self, op: Layer, ranks: Ranks) -> tuple[Shape, ...]:
        """See `Scheme.shapes`."""
        out, *kernel, channels = op.weight.shape
        entering, leaving = ranks
        return (entering, 1, 1, channels), (leaving, *kernel, entering), (out, 1, 1, leaving)

    def factors(self, op: Layer, ranks: Ranks) -> tuple[FloatArray, ...]:
        """See `Scheme.factors`."""
        real = op.weight.real()
        entering, leaving = ranks
        inner, outer = _basis(real, 3, entering), _basis(real, 0, leaving)
        for _ in range(self.sweeps):
            outer = _basis(real @ inner, 0, leaving)
            inner = _basis(np.tensordot(outer.T, real, axes=1), 3, entering)
        core = np.tensordot(outer.T, real @ inner, axes=1)
        # Columns of the bases have length 1: give them half of what the core's slices weigh.
        enter = np.sqrt(_lengths(core, 3))
        core = core / enter
        leave = np.sqrt(_lengths(core, 0))
        core = core / leave[:, None, None, None]
        first, _, last = self.shapes(op, ranks)
        return (inner * enter).T.reshape(first), core, (outer * leave).reshape(last)

    def layers(self, op: Layer, factors: tuple[Array, ...]) -> tuple[Layer, ...]:
        """See `Scheme.layers`; the kernel in the middle keeps stride, padding and dilation."""
        assert not isinstance(op, Linear)
        first, core, last = map(weight_of, factors)
        return (
            Conv2d(weight=first),
            replace(op, weight=core, bias=None, activation="none"),
            Conv2d(weight=last, bias=op.bias, activation=op.activation),
        )


def _unfolded(tensor: FloatArray, axis: int) -> FloatArray:
    return np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1)


def _basis(tensor: FloatArray, axis: int, rank: int) -> FloatArray:
    """Return the first left singular vectors [extent, rank] of the unfolding along `axis`."""
    # Those of M and of M M^T are the same, and M M^T is small.
    unfolded = _unfolded(tensor, axis)
    return np.linalg.eigh(unfolded @ unfolded.T)[1][:, ::-1][:, :rank]


def _lengths(core: FloatArray, axis: int) -> FloatArray:
    """Return the norm of each slice along `axis`, 1 where it is 0."""
    lengths = np.linalg.norm(_unfolded(core, axis), axis=1)
    return np.where(lengths > 0.0, lengths, 1.0)
