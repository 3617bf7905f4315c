"""Spatial decomposition: a kernel as a vertical one, then a horizontal one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compressors.factorization.scheme import is_pointwise, is_whole, weight_of
from compressors.factorization.svd import halves
from hwsim.ops import Conv2d

if TYPE_CHECKING:
    from compressors.factorization.scheme import Ranks
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.channels.layers import Layer
    from hwsim.op import Op


@dataclass(frozen=True, slots=True)
class SpatialSvd:
    """W[o, y, x, i] ~ sum over r of H[o, x, r] V[r, y, i]: k x 1 to `rank` channels, then 1 x k.

    Jaderberg et al., arXiv 1405.3866, section 2 (scheme 2), with the filters of least squared
    error, which the singular value decomposition of [o x, y i] gives.
    """

    @property
    def parts(self) -> tuple[str, ...]:
        """See `Scheme.parts`."""
        return ("vertical",)

    def takes(self, op: Op) -> bool:
        """See `Scheme.takes`."""
        return isinstance(op, Conv2d) and is_whole(op) and not is_pointwise(op)

    def unfoldings(self, op: Layer) -> tuple[FloatArray, ...]:
        """See `Scheme.unfoldings`: [out x kernel width, kernel height x in]."""
        out, height, width, channels = op.weight.shape
        turned = op.weight.real().transpose(0, 2, 1, 3)
        return (turned.reshape(out * width, height * channels),)

    def shapes(self, op: Layer, ranks: Ranks) -> tuple[Shape, ...]:
        """See `Scheme.shapes`."""
        out, height, width, channels = op.weight.shape
        return (ranks[0], height, 1, channels), (out, 1, width, ranks[0])

    def factors(self, op: Layer, ranks: Ranks) -> tuple[FloatArray, ...]:
        """See `Scheme.factors`."""
        left, right = halves(self.unfoldings(op)[0], ranks[0])
        vertical, horizontal = self.shapes(op, ranks)
        return right.reshape(vertical), left.reshape(horizontal)

    def layers(self, op: Layer, factors: tuple[Array, ...]) -> tuple[Layer, ...]:
        """See `Scheme.layers`; each takes its axis of stride, padding and dilation."""
        assert isinstance(op, Conv2d)
        vertical, horizontal = map(weight_of, factors)
        return (
            Conv2d(
                weight=vertical,
                stride=(op.stride[0], 1),
                padding=(op.padding[0], (0, 0)),
                dilation=(op.dilation[0], 1),
            ),
            Conv2d(
                weight=horizontal,
                bias=op.bias,
                stride=(1, op.stride[1]),
                padding=((0, 0), op.padding[1]),
                dilation=(1, op.dilation[1]),
                activation=op.activation,
            ),
        )
