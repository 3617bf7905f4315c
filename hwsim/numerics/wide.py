"""How a runtime rounds sums of 16-bit activations, which are wider than those of 8-bit ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from hwsim.numerics.fixed_point import Gemmlowp, HalfUpTwice, Int16x8, Single
from hwsim.numerics.float_product import Float64Away

if TYPE_CHECKING:
    from hwsim.numerics.requantize import Rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Wide:
    """The arithmetic of 16-bit activations, zero point 0, with weights of at most 8 bits.

    Sums are 64 bits wide where the bias is, else 32.

    Attributes:
        conv: Rounding of convolutions, depthwise ones included.
        linear: Rounding of fully connected layers.
        matmul: Rounding of products of two activations.
        mul: Rounding of elementwise products.
        narrow_conv: As `conv`, of sums of 32 bits; None where the runtime's is not known.
        narrow_linear: As `linear`, of sums of 32 bits.
        tables: Type in which the tables of a softmax are made.
        sigmoid: How logistic and tanh take arguments in steps of 2^-12 (tanh also of 2^-11): from a
            `table`, as others, or in gemmlowp's `fixed` point.
        is_narrow_without_bias: Whether a fully connected layer without a bias sums in 32 bits.
    """

    conv: Rounding
    linear: Rounding
    matmul: Rounding
    mul: Rounding
    tables: Literal["float32", "float64"]
    sigmoid: Literal["table", "fixed"] = "table"
    narrow_conv: Rounding | None = None
    narrow_linear: Rounding | None = None
    is_narrow_without_bias: bool = False


# Compared with LiteRT 2.3.0 and tflite-micro; see tests/oracle/test_int16.py.
WIDE_REFERENCE = Wide(
    conv=Int16x8(),
    linear=Float64Away(),
    matmul=Int16x8(),
    mul=Gemmlowp(),
    tables="float64",
    narrow_conv=Gemmlowp(),
    narrow_linear=Float64Away(),
)
"""LiteRT's reference kernels."""

WIDE_OPTIMIZED = Wide(
    conv=Int16x8(),
    linear=Float64Away(),
    matmul=Int16x8(),
    mul=Gemmlowp(),
    tables="float64",
    sigmoid="fixed",
    narrow_conv=HalfUpTwice(),
    is_narrow_without_bias=True,
)
"""LiteRT's own kernels, to which XNNPACK leaves 16-bit activations."""

WIDE_MICRO = Wide(
    conv=Int16x8(),
    linear=Int16x8(),
    matmul=Int16x8(),
    mul=Gemmlowp(),
    tables="float32",
    narrow_conv=Gemmlowp(),
    narrow_linear=Gemmlowp(),
)
"""TensorFlow Lite Micro."""

WIDE_SINGLE = replace(WIDE_MICRO, mul=Single(), narrow_conv=Single(), narrow_linear=Single())
"""CMSIS-NN built with CMSIS_NN_USE_SINGLE_ROUNDING; not compared."""
