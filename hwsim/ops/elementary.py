"""Elementary functions of one operand: the activations that no kernel fuses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.jit import kernel
from hwsim.numerics.rounding import Gemmlowp
from hwsim.op import Weightless
from hwsim.ops import _sigmoid8, _sigmoid16
from hwsim.ops._activation import clamped_target
from hwsim.ops._elementwise import elementwise
from hwsim.ops._float_island import quants_of, table_lookup
from hwsim.ops._hard_swish import bind_hard_swish
from hwsim.ops._wide import is_wide, wide_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.numerics import Quant
    from hwsim.op import Kernel, Op, Site, Workload
    from hwsim.ops._activation import Fused
    from hwsim.tensor import TensorType

Function: TypeAlias = Literal[
    "abs",
    "ceil",
    "elu",
    "erf",
    "exp",
    "floor",
    "gelu",
    "gelu_tanh",
    "hard_sigmoid",
    "hard_swish",
    "log",
    "logistic",
    "neg",
    "relu",
    "relu6",
    "relu_0_to_1",
    "relu_n1_to_1",
    "round",
    "rsqrt",
    "silu",
    "sqrt",
    "square",
    "tanh",
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


def _rsqrt(x: FloatArray) -> FloatArray:
    # IEEE 754 in all runtimes: infinite at 0, no number below.
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1.0 / np.sqrt(x)


def _sqrt(x: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore"):
        return np.sqrt(x)


def _log(x: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(x)


def _exp(x: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.exp(x)


def _elu(x: FloatArray) -> FloatArray:
    # Clevert, Unterthiner and Hochreiter, arXiv 1511.07289, equation 15, with alpha = 1.
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0.0)))


FUNCTIONS: Mapping[Function, Callable[[FloatArray], FloatArray]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "elu": _elu,
    "erf": _erf,
    "exp": _exp,
    "floor": np.floor,
    "gelu": lambda x: 0.5 * x * (1.0 + _erf(x / np.sqrt(2.0))),
    "gelu_tanh": _gelu_tanh,
    "hard_sigmoid": lambda x: np.clip(x + 3.0, 0.0, 6.0) / 6.0,
    "hard_swish": lambda x: x * np.clip(x + 3.0, 0.0, 6.0) / 6.0,
    "log": _log,
    "logistic": _logistic,
    "neg": np.negative,
    "relu": lambda x: np.maximum(x, 0.0),
    "relu6": lambda x: np.clip(x, 0.0, 6.0),
    "relu_0_to_1": lambda x: np.clip(x, 0.0, 1.0),
    "relu_n1_to_1": lambda x: np.clip(x, -1.0, 1.0),
    "round": np.rint,
    "rsqrt": _rsqrt,
    "silu": lambda x: x * _logistic(x),
    "sqrt": _sqrt,
    "square": np.square,
    "tanh": np.tanh,
}


CLAMPS: Mapping[Function, Fused] = {
    "relu": "relu",
    "relu6": "relu6",
    "relu_0_to_1": "relu_0_to_1",
    "relu_n1_to_1": "relu_n1_to_1",
}
"""Functions that are nothing but bounds, which a layer before them may fuse."""

_KINDS: Mapping[Function, str] = {**dict.fromkeys(CLAMPS, "relu"), "gelu_tanh": "gelu"}

_SIGMOID16: Mapping[Function, Callable[[Quant, str], Kernel]] = {
    "logistic": _sigmoid16.bind_logistic,
    "tanh": _sigmoid16.bind_tanh,
}


def work_kind(function: Function) -> str:
    """Return the kind of work: runtimes have some functions and lack others.

    Two forms of one function are one kernel.
    """
    return _KINDS.get(function, function)


def _prepare_wide(op: Elementary, site: Site) -> Kernel | None:
    """Return a function of 16-bit codes that is not as others are; None where there is none.

    Raises:
        UnsupportedError: The policy has none where it should.
    """
    y = site.outputs[0].quant
    if not is_wide(site) or y is None:
        return None
    if op.function == "relu6" and site.numerics.elementary == "fixed":
        raise UnsupportedError(
            f"{site.name}: how policy {site.numerics.name!r} clamps 16-bit codes to 6 is not known"
        )
    bind = _SIGMOID16.get(op.function)
    if bind is None or (y.bits, y.scale[0]) != (16, _sigmoid16.OUTPUT_SCALE):
        return None
    (x,), _ = quants_of(site, op)
    return bind(x, wide_of(site, op.kind).sigmoid)


def _prepare_clamp(op: Op, activation: Fused, site: Site) -> Kernel:
    """Return a clamp that may change the encoding: gemmlowp's rounding in all of LiteRT's paths."""
    (x,), (y,) = quants_of(site, op)
    ratio = site.numerics.ratio_of(x.scale[0], y.scale[0])
    requantize = Gemmlowp().bind(ratio, np.ones(1), 1.0, clamped_target(activation, y))

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
        wide = _prepare_wide(self, site)
        if wide is not None:
            return wide
        if site.numerics.quantize == "ort":
            return table_lookup(self, site)
        if site.numerics.elementary == "fixed" and not is_wide(site):
            (x,), (y,) = quants_of(site, self)
            fixed = _sigmoid8.bind_fixed(self.function, x, y)
            if fixed is not None:
                return fixed
        if self.function in CLAMPS:
            return _prepare_clamp(self, CLAMPS[self.function], site)
        if self.function == "hard_swish" and not is_wide(site):
            (x,), (y,) = quants_of(site, self)
            return bind_hard_swish(site.name, x, y)
        is_tflite = self.function == "logistic" and site.numerics.quantize == "tflite"
        entries = _sigmoid8.logistic_float32 if is_tflite else None
        # TFLite cuts the roots of its table instead of rounding them.
        return table_lookup(self, site, entries, is_cut=self.function == "sqrt")

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(work_kind(self.function), inputs, outputs)
