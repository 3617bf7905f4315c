"""Models of one op each that touches every element once, beyond those of `single_ops`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from hwsim.arrays import Array
from hwsim.numerics import Quant
from tests.oracle.more_ops import Options, one_op
from tests.oracle.single_ops import Case, Draw
from tests.oracle.tflite_writer import FUSED, activation, constant


def _all_codes(quant: Quant) -> Array:
    return np.arange(quant.low, quant.high + 1, dtype=quant.dtype).reshape(1, 256)


def _unary(draw: Draw, code: str, x: Quant, y: Quant, table: str = "", **options: float) -> Case:
    """All 256 codes at once."""
    tensors = [activation("x", (1, 256), x), activation("y", (1, 256), y)]
    return one_op(draw, code, tensors, table, {**options}, samples=1, x=_all_codes(x))


def leaky_relu(draw: Draw) -> Case:
    alpha = float(np.float32(draw.rng.choice([0.01, 0.1, 0.25, 0.5, 1.5])))
    x, y = draw.quant(0.05), draw.quant(0.06)
    return _unary(draw, "LEAKY_RELU", x, y, "LeakyReluOptions", Alpha=alpha)


def hard_swish(draw: Draw) -> Case:
    about = float(draw.rng.choice([0.01, 0.03, 0.1]))
    return _unary(draw, "HARD_SWISH", draw.quant(about), draw.quant(about))


def elu(draw: Draw) -> Case:
    return _unary(draw, "ELU", draw.quant(0.05), draw.quant(0.05))


def relu_n1_to_1(draw: Draw) -> Case:
    return _unary(draw, "RELU_N1_TO_1", draw.quant(0.02), draw.quant(0.02))


def relu_0_to_1(draw: Draw) -> Case:
    return _unary(draw, "RELU_0_TO_1", draw.quant(0.02), draw.quant(0.02))


def exp(draw: Draw) -> Case:
    return _unary(draw, "EXP", draw.quant(0.03), draw.quant(0.1), "ExpOptions")


def abs_(draw: Draw) -> Case:
    return _unary(draw, "ABS", draw.quant(0.05), draw.quant(0.05), "AbsOptions")


def _of_positives(draw: Draw, code: str) -> Case:
    """All codes, none of them below 0.0."""
    x = draw.quant(0.05)
    return _unary(draw, code, replace(x, zero_point=(x.low,)), draw.quant(0.05))


def log(draw: Draw) -> Case:
    return _of_positives(draw, "LOG")


def rsqrt(draw: Draw) -> Case:
    return _of_positives(draw, "RSQRT")


def sqrt(draw: Draw) -> Case:
    return _of_positives(draw, "SQRT")


def _pairwise(draw: Draw, code: str, table: str, about: float, *, fused: bool = False) -> Case:
    """All 65,536 pairs of codes, in either order; one encoding unless `about` is positive."""
    a = draw.quant(0.05)
    b, y = (draw.quant(0.08), draw.quant(about)) if about else (a, a)
    codes = np.arange(a.low, a.high + 1, dtype=a.dtype)
    flip = bool(draw.integer(0, 1))
    tensors = [
        activation("x", (1, 256, 1, 1), a),
        constant("b", codes.reshape(1, 1, 256, 1), b),
        activation("y", (1, 256, 256, 1), y),
    ]
    options: Options = (
        {"FusedActivationFunction": FUSED[draw.one_of(list(FUSED)[:4])]} if fused else {}
    )
    operands = ("b", "x") if flip else ("x", "b")
    x = codes.reshape(1, 256, 1, 1)
    return one_op(draw, code, tensors, table, options, operands=operands, samples=1, x=x)


def sub(draw: Draw) -> Case:
    return _pairwise(draw, "SUB", "SubOptions", 0.1, fused=True)


def squared_difference(draw: Draw) -> Case:
    return _pairwise(draw, "SQUARED_DIFFERENCE", "SquaredDifferenceOptions", 0.3)


def maximum(draw: Draw) -> Case:
    return _pairwise(draw, "MAXIMUM", "MaximumMinimumOptions", 0)


def minimum(draw: Draw) -> Case:
    return _pairwise(draw, "MINIMUM", "MaximumMinimumOptions", 0)


def prelu(draw: Draw) -> Case:
    channels = draw.integer(1, 9)
    shape = (1, 6, 7, channels)
    x, alpha, y = draw.quant(0.05), draw.quant(0.01), draw.quant(0.06)
    tensors = [
        activation("x", shape, x),
        constant("alpha", draw.codes(alpha, 1, 1, channels), alpha),
        activation("y", shape, y),
    ]
    return one_op(draw, "PRELU", tensors)


CASES: Final[tuple[Callable[[Draw], Case], ...]] = (
    abs_,
    elu,
    exp,
    hard_swish,
    leaky_relu,
    log,
    maximum,
    minimum,
    prelu,
    relu_0_to_1,
    relu_n1_to_1,
    rsqrt,
    sqrt,
    squared_difference,
    sub,
)
