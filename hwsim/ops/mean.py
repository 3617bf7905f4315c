"""Mean over some axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hwsim.op import Weightless
from hwsim.ops._elementwise import elementwise
from hwsim.ops._float_island import float_island, quants_of
from hwsim.ops._reduction import bind_mean, reduced, stacked_axes

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray, Shape
    from hwsim.op import Kernel, Site, Workload
    from hwsim.tensor import TensorType


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean(Weightless):
    """Average over `axes`.

    Attributes:
        axes: Each 0..rank - 1.
        keep_axes: Whether averaged axes stay, with extent 1.
    """

    kind: ClassVar[str] = "mean"
    shares_encoding: ClassVar[bool] = False
    axes: tuple[int, ...]
    keep_axes: bool = False

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        return (reduced(self.kind, x, self.axes, self.keep_axes),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return (inputs[0].mean(axis=stacked_axes(self.axes), keepdims=self.keep_axes),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        quants_of(site, self)
        rank = len(site.inputs[0].shape)
        if site.numerics.total == "image" and (rank, sorted(self.axes)) != (4, [1, 2]):
            return float_island(self, site)
        return bind_mean(site, self.axes, keep_axes=self.keep_axes)

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)
