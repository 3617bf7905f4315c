"""Mean over some axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hwsim.errors import GraphError
from hwsim.op import Weightless
from hwsim.ops._elementwise import elementwise
from hwsim.ops._float_island import float_island

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
        if len(set(self.axes)) < len(self.axes) or not set(self.axes) <= set(range(len(x))):
            raise GraphError(f"mean over axes {list(self.axes)} of {list(x)}")
        kept = tuple(1 if i in self.axes else extent for i, extent in enumerate(x))
        if self.keep_axes:
            return (kept,)
        return (tuple(extent for i, extent in enumerate(x) if i not in self.axes),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        axes = tuple(axis + 1 for axis in self.axes)
        return (inputs[0].mean(axis=axes, keepdims=self.keep_axes),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        return float_island(self, site)

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)
