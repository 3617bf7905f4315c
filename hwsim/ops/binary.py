"""Functions of two operands that are rare in networks of integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np

from hwsim.op import Weightless
from hwsim.ops._elementwise import aligned, broadcast, elementwise
from hwsim.ops._float_island import float_island, quants_of
from hwsim.ops._squared_difference import bind_squared_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arrays import FloatArray, Shape
    from hwsim.op import Kernel, Site, Workload
    from hwsim.tensor import TensorType

BinaryFunction: TypeAlias = Literal["div", "pow", "squared_difference"]


def _divided(a: FloatArray, b: FloatArray) -> FloatArray:
    # x / 0 is infinite and 0 / 0 no number, as IEEE 754 and all runtimes have it.
    with np.errstate(divide="ignore", invalid="ignore"):
        return a / b


def _raised(a: FloatArray, b: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.power(a, b)


BINARY_FUNCTIONS: Mapping[BinaryFunction, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "div": _divided,
    "pow": _raised,
    "squared_difference": lambda a, b: (a - b) ** 2,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary(Weightless):
    """y = function(a, b), with NumPy's broadcasting.

    In an integer graph quotients and powers are computed in reals between their encodings.

    Attributes:
        function: Which one.
    """

    kind: ClassVar[str] = "binary"
    shares_encoding: ClassVar[bool] = False
    function: BinaryFunction

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        return (broadcast(self.function, *shapes),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return (BINARY_FUNCTIONS[self.function](*aligned(*inputs)),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        (a, b), (y,) = quants_of(site, self)
        is_narrow = max(a.bits, b.bits, y.bits) <= 8 and a.signed == b.signed == y.signed
        if self.function == "squared_difference" and is_narrow and site.numerics.quantize != "ort":
            return bind_squared_difference(a, b, y)
        return float_island(self, site)

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.function, inputs, outputs)
