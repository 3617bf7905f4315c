"""Elementary functions of one operand: the activations that no kernel fuses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np

from hwsim.jit import kernel
from hwsim.numerics.rounding import Gemmlowp
from hwsim.op import Weightless
from hwsim.ops._activation import clamped_target
from hwsim.ops._elementwise import elementwise
from hwsim.ops._float_island import quants_of, table_lookup

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.op import Kernel, Op, Site, Workload
    from hwsim.ops._activation import Fused
    from hwsim.tensor import TensorType

Function: TypeAlias = Literal[
    "relu", "relu6", "logistic", "tanh", "gelu", "gelu_tanh", "silu", "hard_swish", "hard_sigmoid"
]


def _logistic(x: FloatArray) -> FloatArray:
    # The form of the positive half never overflows; the other half follows by symmetry.
    half = 1.0 / (1.0 + np.exp(-np.abs(x)))
    return np.where(x >= 0, half, 1.0 - half)


def _erf(x: FloatArray) -> FloatArray:
    out = np.empty(x.size)
    _erf_flat(np.ascontiguousarray(x).reshape(-1), out)
    return out.reshape(x.shape)


@kernel
def _erf_flat(x: FloatArray, out: FloatArray) -> None:
    for i in range(x.shape[0]):
        out[i] = math.erf(x[i])


def _gelu_tanh(x: FloatArray) -> FloatArray:
    # Hendrycks and Gimpel, arXiv 1606.08415, section 2.
    return 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3)))


FUNCTIONS: Mapping[Function, Callable[[FloatArray], FloatArray]] = {
    "relu": lambda x: np.maximum(x, 0.0),
    "relu6": lambda x: np.clip(x, 0.0, 6.0),
    "logistic": _logistic,
    "tanh": np.tanh,
    "gelu": lambda x: 0.5 * x * (1.0 + _erf(x / np.sqrt(2.0))),
    "gelu_tanh": _gelu_tanh,
    "silu": lambda x: x * _logistic(x),
    "hard_swish": lambda x: x * np.clip(x + 3.0, 0.0, 6.0) / 6.0,
    "hard_sigmoid": lambda x: np.clip(x + 3.0, 0.0, 6.0) / 6.0,
}


def _prepare_clamp(op: Op, activation: Fused, site: Site) -> Kernel:
    """Return a clamp that may change the encoding: gemmlowp's rounding in all of LiteRT's paths."""
    (x,), (y,) = quants_of(site, op)
    requantize = Gemmlowp().bind(x.scale[0], np.ones(1), y.scale[0], clamped_target(activation, y))

    def run(codes: Array) -> tuple[Array, ...]:
        return (requantize(codes.astype(np.int32) - x.zero_point[0]),)

    return run


@dataclass(frozen=True, slots=True, kw_only=True)
class Elementary(Weightless):
    """y = function(x), element by element; 8-bit codes go through a table of 256.

    Attributes:
        function: Which one.
    """

    kind: ClassVar[str] = "elementary"
    shares_encoding: ClassVar[bool] = False
    function: Function

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        return (x,)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return (FUNCTIONS[self.function](inputs[0]),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        if self.function == "relu" or self.function == "relu6":
            return _prepare_clamp(self, self.function, site)
        return table_lookup(self, site)

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        # Two forms of one function are one kernel; runtimes have some functions and lack others.
        kind = {"relu6": "relu", "gelu_tanh": "gelu"}.get(self.function, self.function)
        return elementwise(kind, inputs, outputs)
