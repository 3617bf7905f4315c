"""Largest and smallest element over some axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.op import Weightless
from hwsim.ops._elementwise import elementwise
from hwsim.ops._float_island import float_island, quants_of
from hwsim.ops._reduction import reduced, stacked_axes

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.op import Kernel, Site, Workload
    from hwsim.tensor import TensorType


@dataclass(frozen=True, slots=True, kw_only=True)
class ReduceMax(Weightless):
    """Largest element over `axes`.

    Attributes:
        axes: Each 0..rank - 1.
        keep_axes: Whether these axes stay, with extent 1.
    """

    kind: ClassVar[str] = "reduce_max"
    shares_encoding: ClassVar[bool] = True
    axes: tuple[int, ...]
    keep_axes: bool = False

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        return (reduced(self.kind, x, self.axes, self.keep_axes),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return (np.max(inputs[0], axis=stacked_axes(self.axes), keepdims=self.keep_axes),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        inputs, outputs = quants_of(site, self)
        if inputs != outputs:
            return float_island(self, site)

        def run(x: Array) -> tuple[Array, ...]:
            return (np.max(x, axis=stacked_axes(self.axes), keepdims=self.keep_axes),)

        return run

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReduceMin(Weightless):
    """Smallest element over `axes`.

    Attributes:
        axes: Each 0..rank - 1.
        keep_axes: Whether these axes stay, with extent 1.
    """

    kind: ClassVar[str] = "reduce_min"
    shares_encoding: ClassVar[bool] = True
    axes: tuple[int, ...]
    keep_axes: bool = False

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        return (reduced(self.kind, x, self.axes, self.keep_axes),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return (np.min(inputs[0], axis=stacked_axes(self.axes), keepdims=self.keep_axes),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        inputs, outputs = quants_of(site, self)
        if inputs != outputs:
            return float_island(self, site)

        def run(x: Array) -> tuple[Array, ...]:
            return (np.min(x, axis=stacked_axes(self.axes), keepdims=self.keep_axes),)

        return run

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)
