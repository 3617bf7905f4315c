"""Elementwise larger and smaller of two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.op import Weightless
from hwsim.ops._elementwise import aligned, broadcast, elementwise
from hwsim.ops._float_island import float_island, quants_of

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.op import Kernel, Op, Site, Workload
    from hwsim.tensor import TensorType


@dataclass(frozen=True, slots=True)
class Maximum(Weightless):
    """y = max(a, b), with NumPy's broadcasting."""

    kind: ClassVar[str] = "maximum"
    shares_encoding: ClassVar[bool] = True

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        return (broadcast(self.kind, *shapes),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return (np.maximum(*aligned(*inputs)),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        return _prepare(self, np.maximum, site)

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)


@dataclass(frozen=True, slots=True)
class Minimum(Weightless):
    """y = min(a, b), with NumPy's broadcasting."""

    kind: ClassVar[str] = "minimum"
    shares_encoding: ClassVar[bool] = True

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        return (broadcast(self.kind, *shapes),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return (np.minimum(*aligned(*inputs)),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        return _prepare(self, np.minimum, site)

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)


def _prepare(op: Op, choose: np.ufunc, site: Site) -> Kernel:
    """Return the comparison of codes where all mean the same, else of reals."""
    (a_quant, b_quant), (y_quant,) = quants_of(site, op)
    if not a_quant == b_quant == y_quant:
        return float_island(op, site)

    def run(a: Array, b: Array) -> tuple[Array, ...]:
        return (choose(*aligned(a, b)),)

    return run
