"""Elementwise sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError
from hwsim.jit import kernel
from hwsim.numerics.rounding import fixed_point, gemmlowp_round
from hwsim.op import Weightless
from hwsim.ops import _ort
from hwsim.ops._activation import apply_fused, clamped_target
from hwsim.ops._elementwise import aligned, elementwise
from hwsim.ops._float_island import float_island, quants_of
from hwsim.ops._sums import OTHER_SUMS

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, IntArray, Shape
    from hwsim.numerics import Quant
    from hwsim.numerics.rounding import Target
    from hwsim.op import Kernel, Site, Workload
    from hwsim.ops._activation import Clamp, Fused
    from hwsim.tensor import TensorType

# TFLite scales both inputs before it rescales them, so that codes keep their precision: 8-bit ones
# by 2^20, 16-bit ones by 2^15, which fills 32 bits.
_LEFT_SHIFT_8, _LEFT_SHIFT_16 = 20, 15
# XNNPACK gives the larger of its two multipliers 20 bits (qs8-vadd, minmax parameters).
_MULTIPLIER_BITS = 20
_SMALLEST_RATIO, _LARGEST_RATIO = 2.0**-10, 2.0**8


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Weightless):
    """y = a + b, with NumPy's broadcasting.

    Attributes:
        activation: Clamp fused into the output.
    """

    kind: ClassVar[str] = "add"
    shares_encoding: ClassVar[bool] = False
    activation: Fused = "none"

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        try:
            a, b = shapes
            return (np.broadcast_shapes(a, b),)
        except ValueError:
            raise GraphError(f"add cannot broadcast {[list(s) for s in shapes]}") from None

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        a, b = aligned(*inputs)
        return (apply_fused(self.activation, a + b),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        (a_quant, b_quant), (y_quant,) = quants_of(site, self)
        target = clamped_target(self.activation, y_quant, clamp_of(site))
        if site.numerics.add == "fused":
            is_narrow = max(a_quant.bits, b_quant.bits, y_quant.bits) <= 8
            quants = (a_quant, b_quant, y_quant)
            return _ort.bind_sum(*quants, target) if is_narrow else float_island(self, site)
        return bind_sum(formula_of(site), (a_quant, b_quant, y_quant), target)

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return elementwise(self.kind, inputs, outputs)


def formula_of(site: Site) -> str:
    """Return the formula of a sum or difference of integers at `site`; see `Numerics.add`.

    XNNPACK takes operands whose scales are 2^-10 to 2^8 of the result's, and leaves others to
    LiteRT's own kernels.
    """
    a, b, y = (type_.quant for type_ in (*site.inputs, *site.outputs))
    if site.numerics.add != "fixed20" or a is None or b is None or y is None:
        return site.numerics.add
    ratios = [np.float32(quant.scale[0]) / np.float32(y.scale[0]) for quant in (a, b)]
    is_taken = all(_SMALLEST_RATIO <= ratio < _LARGEST_RATIO for ratio in ratios)
    return "fixed20" if is_taken else "shift20_lanes"


def clamp_of(site: Site) -> Clamp:
    """Return how bounds of fused activations of a sum at `site` become codes."""
    is_left = formula_of(site) != site.numerics.add
    return "tflite" if is_left else site.numerics.quantize


def bind_sum(
    formula: str, quants: tuple[Quant, Quant, Quant], target: Target, sign: int = 1
) -> Kernel:
    """Return the integer function of codes a and b to the code of a + sign * b.

    Args:
        formula: See `Numerics.add`.
        quants: Of a, b and the result.
        target: Zero point, clamp and type of the codes.
        sign: 1 for a sum, -1 for a difference.
    """
    if max(quant.bits for quant in quants) > 8:
        formula = "shift20"  # XNNPACK leaves codes of more than 8 bits to TFLite.
    if formula in OTHER_SUMS:
        return OTHER_SUMS[formula](quants, target, sign)
    bind = {"shift20": _bind_shift20, "fixed20": _bind_fixed20}[formula]
    add = bind(*quants, target, sign)

    def run(a: Array, b: Array) -> tuple[Array, ...]:
        left, right = np.broadcast_arrays(*aligned(a, b))
        out = np.empty(left.shape, target.dtype)
        add(left.ravel(), right.ravel(), out.reshape(-1))
        return (out,)

    return run


def shift20_constants(
    a: Quant, b: Quant, y: Quant, target: Target, sign: int
) -> tuple[IntArray, IntArray, IntArray]:
    """Return mantissas and exponents of a, b and the result, and the rest of TFLite's constants.

    The rest: zero points of a, b and y, low, high, left shift, sign.
    """
    left_shift = _LEFT_SHIFT_8 if max(a.bits, b.bits) <= 8 else _LEFT_SHIFT_16
    twice_max = 2.0 * max(a.scale[0], b.scale[0])
    reals = (
        a.scale[0] / twice_max,
        b.scale[0] / twice_max,
        twice_max / ((1 << left_shift) * y.scale[0]),
    )
    mantissa, exponent = fixed_point(np.array(reals))
    zeros = a.zero_point[0], b.zero_point[0], target.zero_point
    rest = np.array([*zeros, target.low, target.high, left_shift, sign], np.int64)
    return mantissa, exponent, rest


def _bind_shift20(a: Quant, b: Quant, y: Quant, target: Target, sign: int) -> Kernel:
    """Return TFLite's sum: inputs over twice the larger scale, shifted left, then a rescale."""
    mantissa, exponent, constants = shift20_constants(a, b, y, target, sign)

    def run(left: IntArray, right: IntArray, out: IntArray) -> tuple[Array, ...]:
        _add_shift20(left, right, mantissa, exponent, constants, out)
        return (out,)

    return run


@kernel
def _add_shift20(
    a: IntArray, b: IntArray, mantissa: IntArray, exponent: IntArray, constants: IntArray,
    out: IntArray,
) -> None:  # fmt: skip
    for i in range(out.shape[0]):
        left = (int(a[i]) - constants[0]) << constants[5]
        right = (int(b[i]) - constants[1]) << constants[5]
        # The sign comes last: halves of b are rounded as in a sum.
        total = gemmlowp_round(left, mantissa[0], exponent[0]) + constants[6] * gemmlowp_round(
            right, mantissa[1], exponent[1]
        )
        y = gemmlowp_round(total, mantissa[2], exponent[2]) + constants[2]
        out[i] = min(max(y, constants[3]), constants[4])


def fixed20_constants(
    a: Quant, b: Quant, y: Quant, target: Target, sign: int
) -> tuple[IntArray, IntArray]:
    """Return XNNPACK's multipliers of a and b, and shift, offset, zero point, low, high."""
    scales = np.array([a.scale[0], b.scale[0]], np.float32) / np.float32(y.scale[0])
    # frexp's fraction lies in [1/2, 1): its exponent is one more than that of the leading bit.
    shift = _MULTIPLIER_BITS - (int(np.frexp(scales.max())[1]) - 1)
    multipliers = np.rint(scales.astype(np.float64) * 2.0**shift).astype(np.int64)
    multipliers[1] *= sign
    offset = (1 << (shift - 1)) - int(multipliers @ [a.zero_point[0], b.zero_point[0]])
    rest = np.array([shift, offset, target.zero_point, target.low, target.high], np.int64)
    return multipliers, rest


def _bind_fixed20(a: Quant, b: Quant, y: Quant, target: Target, sign: int) -> Kernel:
    """Return XNNPACK's sum: integer multipliers with one common shift, rounded half up."""
    multipliers, constants = fixed20_constants(a, b, y, target, sign)

    def run(left: IntArray, right: IntArray, out: IntArray) -> tuple[Array, ...]:
        _add_fixed20(left, right, multipliers, constants, out)
        return (out,)

    return run


@kernel
def _add_fixed20(
    a: IntArray, b: IntArray, multipliers: IntArray, constants: IntArray, out: IntArray
) -> None:
    for i in range(out.shape[0]):
        total = int(a[i]) * multipliers[0] + int(b[i]) * multipliers[1]
        y = ((total + constants[1]) >> constants[0]) + constants[2]
        out[i] = min(max(y, constants[3]), constants[4])
