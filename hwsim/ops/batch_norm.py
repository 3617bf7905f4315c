"""Batch normalisation with the statistics of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError, UnsupportedError
from hwsim.op import Weightless
from hwsim.ops._elementwise import elementwise

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray, Shape
    from hwsim.op import Kernel, Site, Workload
    from hwsim.tensor import TensorType, Weight


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchNorm(Weightless):
    """y = gamma * (x - mean) / sqrt(variance + epsilon) + beta over the last axis.

    Ioffe and Szegedy, arXiv 1502.03167, algorithm 2.

    Attributes:
        gamma: [channels] float32.
        beta: [channels] float32.
        mean: [channels] float32, of the training data.
        variance: [channels] float32, of the training data.
        epsilon: > 0.
    """

    kind: ClassVar[str] = "batch_norm"
    shares_encoding: ClassVar[bool] = False
    gamma: Weight
    beta: Weight
    mean: Weight
    variance: Weight
    epsilon: float = 1e-5

    @property
    def constants(self) -> tuple[Weight, ...]:
        """See `Op.constants`."""
        return (self.gamma, self.beta, self.mean, self.variance)

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        channels = self.gamma.shape[0]
        if x[-1:] != (channels,) or any(w.shape != (channels,) for w in self.constants):
            raise GraphError(f"batch_norm of {channels} channels got {list(x)}")
        return shapes

    def affine(self) -> tuple[FloatArray, FloatArray]:
        """Return (scale, shift), both [channels]: y = scale * x + shift."""
        scale = self.gamma.real() / np.sqrt(self.variance.real() + self.epsilon)
        return scale, self.beta.real() - scale * self.mean.real()

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        scale, shift = self.affine()
        return (inputs[0] * scale + shift,)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        raise UnsupportedError(
            f"{site.name}: batch_norm has no integer form; the steps fuse and quantize fold it "
            "into the layer before it"
        )

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)
