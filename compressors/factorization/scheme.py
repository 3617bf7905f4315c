"""What a way of factorizing a layer must offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from hwsim.ops import Conv2d, Conv2dTranspose, Linear
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.channels.layers import Layer
    from hwsim.op import Op

Ranks: TypeAlias = tuple[int, ...]
"""How many components each bond between two factors carries, in the order of execution."""


class Scheme(Protocol):
    """One way of writing a layer as several, which are executed in the order given."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of all factors but the last, which keeps the layer's own."""
        ...

    def takes(self, op: Op) -> bool:
        """Return whether `op` can be written this way."""
        ...

    def unfoldings(self, op: Layer) -> tuple[FloatArray, ...]:
        """Return the matrix that each bond cuts; its singular values say what a rank keeps."""
        ...

    def shapes(self, op: Layer, ranks: Ranks) -> tuple[Shape, ...]:
        """Return the shapes of the factors."""
        ...

    def factors(self, op: Layer, ranks: Ranks) -> tuple[FloatArray, ...]:
        """Return the weights of the factors.

        A component weighs as much in the factor before its bond as in the one behind: gradients
        then move both alike, and neither spans more than the root of what the product does.
        """
        ...

    def layers(self, op: Layer, factors: tuple[Array, ...]) -> tuple[Layer, ...]:
        """Return the layers of these weights; the last has the bias and the activation of `op`."""
        ...


def is_pointwise(op: Op) -> bool:
    """Return whether `op` multiplies one matrix with every position by itself."""
    return isinstance(op, Linear) or (
        isinstance(op, (Conv2d, Conv2dTranspose)) and op.kernel == (1, 1)
    )


def is_whole(op: Op) -> bool:
    """Return whether `op` has one matrix for all of its channels."""
    return isinstance(op, Linear) or (isinstance(op, (Conv2d, Conv2dTranspose)) and op.groups == 1)


def weight_of(real: Array) -> Weight:
    """Return reals as a float32 weight."""
    return Weight(codes=np.ascontiguousarray(real, np.float32))
