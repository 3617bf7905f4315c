"""Ops at places for which only some policies have a form: the laws of ops hold there too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from hwsim.numerics import Numerics, Quant
from hwsim.ops import (
    Add,
    AveragePool2d,
    Concat,
    Conv2d,
    Elementary,
    Linear,
    Lstm,
    MatMul,
    MaxPool2d,
    Mul,
    Softmax,
)
from hwsim.tensor import Weight
from tests.cases import (
    ENCODED,
    EXACT,
    IMAGE,
    ONES,
    SMALL,
    Case,
    case,
    float_weight,
    integer_weight,
)

X16 = Quant(scale=(0.0001,), bits=16)
Y16 = Quant(scale=(0.0004,), bits=16)
UNIT16 = Quant(scale=(2.0**-15,), bits=16)
X8, Y8 = Quant(scale=(0.02,), zero_point=(5,)), Quant(scale=(0.06,), zero_point=(-3,))
STATE = Quant(scale=(2.0**-7,))
CELLS = 4

# A mantissa of 15 bits is off by 2^-16 of codes below 2^15: half a code, beside that of rounding.
REDUCED = 1.0 + 1e-3
# Two tables of 512 steps and 16-bit products; see the oracle for exactness.
INTERPOLATED16 = 12.0
# float32 sums of some hundred terms, each off by 2^-24 of at most 2^8 steps.
BLOCKED = 0.5 + 1e-2
# Q3.12 sums, Q0.15 gates, steps of 2^-11 in the cell and of 2^-7 in the state, over few steps
# with recurrent weights whose rows sum to less than 1: each well below one step of the output.
RECURRED = 3.0


def wide_bias(weight: Weight, x: Quant, bits: int) -> Weight:
    assert weight.quant is not None
    scale = tuple(x.scale[0] * s for s in weight.quant.scale)
    quant = replace(weight.quant, scale=scale, bits=bits)
    codes = np.random.default_rng(2).integers(-90000, 90000, weight.shape[0])
    return Weight(codes=codes.astype(quant.dtype), quant=quant)


def wide_conv(*shape: int, bits: int = 64, axis: int | None = 0, **settings: Any) -> Case:
    weight = integer_weight(*shape, axis=axis)
    op = Conv2d(weight=weight, bias=wide_bias(weight, X16, bits), **settings)
    place = IMAGE if settings.get("groups", 1) == 1 else SMALL
    return case(op, place, x=X16, y=Y16, steps=REDUCED)


def wide_linear(bits: int | None) -> Case:
    weight = integer_weight(5, 7)
    bias = None if bits is None else wide_bias(weight, X16, bits)
    return case(Linear(weight=weight, bias=bias), (2, 7), x=X16, y=Y16, steps=REDUCED)


def in_groups(rows: int, columns: int, group: int, *, is_decoded: bool = False) -> Weight:
    rng = np.random.default_rng(3)
    count = rows * -(-columns // group)
    quant = Quant(
        scale=tuple(rng.uniform(0.01, 0.03, count).astype(np.float16).astype(float).tolist()),
        zero_point=(0,) * count,
        axis=0,
        bits=4,
        group=group,
        scale_bits=16,
    )
    codes = rng.integers(-7, 8, (rows, columns)).astype(np.int8)
    return Weight(codes=codes, quant=quant, is_decoded=is_decoded)


def lstm(gates: int = 4, features: int = 3, **settings: Any) -> Lstm:
    """Return an LSTM of int8 weights that stays within the range of `STATE`."""
    rows = gates * CELLS
    w, r = integer_weight(rows, features), integer_weight(rows, CELLS, seed=1)
    assert w.quant is not None
    assert r.quant is not None
    w = replace(w, quant=replace(w.quant, scale=(0.004,) * rows))
    r = replace(r, quant=replace(r.quant, scale=(0.0005,) * rows))
    unit = Quant(scale=(0.004 * X8.scale[0],) * rows, zero_point=(0,) * rows, axis=0, bits=32)
    codes = np.random.default_rng(4).integers(-2000, 2000, rows).astype(np.int32)
    bias = Weight(codes=codes, quant=unit)
    return Lstm(input_weight=w, recurrent_weight=r, bias=bias, **settings)


def _has_wide(numerics: Numerics) -> bool:
    return numerics.wide is not None


def _has_narrow_conv(numerics: Numerics) -> bool:
    return numerics.wide is not None and numerics.wide.narrow_conv is not None


def _has_narrow_linear(numerics: Numerics) -> bool:
    return numerics.wide is not None and numerics.wide.narrow_linear is not None


def _has_blocks(numerics: Numerics) -> bool:
    return numerics.blocks is not None


def _has_lstm(numerics: Numerics) -> bool:
    return numerics.lstm is not None


def _all(numerics: Numerics) -> bool:
    del numerics
    return True


def _blocked_dynamic_steps(weight: Weight) -> float:
    """Return the error bound of a dynamic layer, for |x| < 6; see `dynamic_steps`."""
    return 1.01 * float(np.abs(weight.real()).sum(axis=1).max()) * 12 / 255


BLOCKS = in_groups(5, 11, 4)
DECODED = in_groups(5, 11, 4, is_decoded=True)
DECODED_IMAGE = replace(
    in_groups(5, 8, 4, is_decoded=True), codes=in_groups(5, 8, 4).codes.reshape(5, 1, 2, 4)
)

PARTIAL: dict[str, tuple[Case, Callable[[Numerics], bool]]] = {
    "wide_conv": (wide_conv(3, 3, 2, 4, padding=ONES, stride=(2, 1)), _has_wide),
    "wide_conv_per_tensor": (wide_conv(3, 1, 1, 4, axis=None, activation="relu"), _has_wide),
    "wide_depthwise": (wide_conv(6, 3, 3, 1, groups=6, padding=ONES), _has_wide),
    "wide_grouped": (wide_conv(4, 2, 2, 3, groups=2, activation="relu6"), _has_wide),
    "wide_conv_narrow": (wide_conv(3, 2, 2, 4, bits=32), _has_narrow_conv),
    "wide_linear": (wide_linear(64), _has_wide),
    "wide_linear_narrow": (wide_linear(32), _has_narrow_linear),
    "wide_linear_without_bias": (
        wide_linear(None),
        lambda n: n.wide is not None and not n.wide.is_narrow_without_bias,
    ),
    "wide_matmul": (
        case(MatMul(scale=0.35), (2, 3, 5), (2, 5, 4), x=X16, y=Y16, steps=REDUCED),
        _has_wide,
    ),
    "wide_mul": (case(Mul(activation="relu"), IMAGE, IMAGE, x=X16, y=Y16), _has_wide),
    "wide_add": (case(Add(), IMAGE, (4,), x=(X16, Y16), y=Y16, steps=0.9), _all),
    "wide_concat": (case(Concat(axis=1), (1, 2), (1, 3), x=X16, y=X16, steps=EXACT), _all),
    "wide_average_pool": (
        case(AveragePool2d(kernel=(2, 3), stride=(1, 2)), IMAGE, x=X16, y=X16, steps=ENCODED),
        _all,
    ),
    "wide_max_pool": (
        case(MaxPool2d(kernel=(2, 3), stride=(1, 2)), IMAGE, x=X16, y=X16, steps=EXACT),
        _all,
    ),
    "wide_logistic": (
        case(Elementary(function="logistic"), (2, 300), x=X16, y=UNIT16, steps=INTERPOLATED16),
        _has_wide,
    ),
    "wide_tanh": (
        case(Elementary(function="tanh"), (2, 300), x=X16, y=UNIT16, steps=INTERPOLATED16),
        _has_wide,
    ),
    "wide_tanh_of_a_power_of_two": (
        case(
            Elementary(function="tanh"), (2, 300), x=replace(X16, scale=(2.0**-12,)), y=UNIT16,
            steps=INTERPOLATED16,
        ),
        _has_wide,
    ),
    "wide_softmax": (
        case(Softmax(beta=0.5), (3, 10), x=X16, y=UNIT16, steps=INTERPOLATED16),
        _has_wide,
    ),
    "groups": (
        case(Linear(weight=BLOCKS, bias=float_weight(5)), (2, 11), x=X8, y=Y8, steps=BLOCKED),
        _has_blocks,
    ),
    "groups_relu": (
        case(
            Linear(weight=in_groups(6, 8, 4), activation="relu6"), (1, 2, 8), x=X8, y=Y8,
            steps=BLOCKED,
        ),
        _has_blocks,
    ),
    "groups_dynamic": (
        case(
            Linear(weight=BLOCKS, bias=float_weight(5)), (2, 11), x=None, y=None,
            steps=_blocked_dynamic_steps(BLOCKS),
        ),
        _has_blocks,
    ),
    "decoded_linear": (
        case(Linear(weight=DECODED, bias=float_weight(5)), (2, 11), x=None, y=None, steps=EXACT),
        _all,
    ),
    "decoded_conv": (
        case(Conv2d(weight=DECODED_IMAGE, padding=ONES), IMAGE, x=None, y=None, steps=EXACT),
        _all,
    ),
    "lstm": (case(lstm(), (1, 5, 3), x=X8, y=STATE, steps=RECURRED), _has_lstm),
    "lstm_coupled": (
        case(lstm(gates=3, time_major=True), (5, 2, 3), x=X8, y=STATE, steps=RECURRED),
        _has_lstm,
    ),
    "lstm_clipped": (
        case(
            lstm(features=1, cell_clip=0.25, cell_exponent=-15), (1, 3, 1), x=X8, y=STATE,
            steps=RECURRED,
        ),
        _has_lstm,
    ),
}  # fmt: skip
"""Each with the question whether a policy has a form of it."""
