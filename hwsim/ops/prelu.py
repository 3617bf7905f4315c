"""Leaky rectifier with a learned slope per channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError, UnsupportedError
from hwsim.numerics.rounding import Gemmlowp
from hwsim.op import Weightless
from hwsim.ops._activation import clamped_target
from hwsim.ops._elementwise import elementwise
from hwsim.ops._float_island import float_island, quants_of

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.op import Kernel, Site, Workload
    from hwsim.tensor import TensorType, Weight


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PRelu(Weightless):
    """y = x where x >= 0, else alpha[c] * x, c being the last axis.

    He et al., arXiv 1502.01852, equation 1.

    Attributes:
        alpha: [channels], or [1] for all.
    """

    kind: ClassVar[str] = "prelu"
    shares_encoding: ClassVar[bool] = False
    alpha: Weight

    @property
    def constants(self) -> tuple[Weight, ...]:
        """See `Op.constants`."""
        return (self.alpha,)

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        if self.alpha.shape != (1,) and x[-1:] != self.alpha.shape:
            raise GraphError(f"prelu of {list(self.alpha.shape)} channels got {list(x)}")
        return (x,)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        (x,) = inputs
        return (np.where(x >= 0, x, self.alpha.real() * x),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        (x,), (y,) = quants_of(site, self)
        quant = self.alpha.quant
        if quant is None or len(quant.scale) != 1:
            raise UnsupportedError(
                f"{site.name}: integer prelu needs integer slopes of one scale; quantize the graph"
            )
        if site.numerics.quantize == "ort":
            return float_island(self, site)
        # TFLite brings the scales together in float32.
        identity = np.float32(x.scale[0]) / np.float32(y.scale[0])
        slope = np.float32(x.scale[0]) * np.float32(quant.scale[0]) / np.float32(y.scale[0])
        target = clamped_target("none", y)
        positive = Gemmlowp().bind(float(identity), np.ones(1), 1.0, target)
        negative = Gemmlowp().bind(float(slope), np.ones(1), 1.0, target)
        alpha = self.alpha.codes.astype(np.int32) - quant.zero_point[0]

        def run(codes: Array) -> tuple[Array, ...]:
            centred = codes.astype(np.int32) - x.zero_point[0]
            return (np.where(centred >= 0, positive(centred), negative(centred * alpha)),)

        return run

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)
