"""Root-mean-square normalisation over the last axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError
from hwsim.op import Weightless
from hwsim.ops._elementwise import elementwise
from hwsim.ops._float_island import float_island

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray, Shape
    from hwsim.op import Kernel, Site, Workload
    from hwsim.tensor import TensorType, Weight


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RmsNorm(Weightless):
    """y = gamma * x / sqrt(mean(x^2) + epsilon), per position.

    Zhang and Sennrich, arXiv 1910.07467, equation 4. In an integer graph it is computed in reals
    between its encodings.

    Attributes:
        gamma: [features] float32.
        epsilon: > 0.
    """

    kind: ClassVar[str] = "rms_norm"
    shares_encoding: ClassVar[bool] = False
    gamma: Weight
    epsilon: float = 1e-6

    @property
    def constants(self) -> tuple[Weight, ...]:
        """See `Op.constants`."""
        return (self.gamma,)

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        if x[-1:] != self.gamma.shape:
            raise GraphError(f"rms_norm of {self.gamma.shape[0]} features got {list(x)}")
        return shapes

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        (x,) = inputs
        root = np.sqrt((x**2).mean(axis=-1, keepdims=True) + self.epsilon)
        return (self.gamma.real() * x / root,)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        return float_island(self, site)

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)
