"""Sums, products and pools of codes by hand."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from hwsim.arrays import IntArray
from hwsim.numerics import Numerics, Quant, find_policy
from hwsim.ops import (
    Add,
    AveragePool2d,
    Constant,
    Dequantize,
    Elementary,
    MatMul,
    MaxPool2d,
    Mul,
    Quantize,
    Slice,
)
from hwsim.ops._activation import Fused, clamped_target
from hwsim.ops.add import bind_sum
from hwsim.tensor import Weight
from tests.cases import case

ONE = Quant(scale=(1.0,))
REFERENCE, XNNPACK = find_policy("tflite-ref"), find_policy("xnnpack")
CODES = np.arange(-128, 128).astype(np.int8)


def run(op: Any, *operands: Any, x: Any = ONE, y: Any = ONE, numerics: Numerics = REFERENCE) -> Any:
    """Return the flat result for one sample of each operand."""
    arrays = [np.asarray(operand)[None] for operand in operands]
    site = case(op, *(a.shape[1:] for a in arrays), x=x, y=y).site(numerics)
    return op.prepare(site)(*arrays)[0].ravel().tolist()


def half_up(x: Fraction) -> int:
    return (2 * x + 1).__floor__() // 2


def all_pairs() -> tuple[IntArray, IntArray]:
    a, b = np.meshgrid(CODES, CODES)
    return a.ravel(), b.ravel()


@pytest.mark.parametrize("numerics", [REFERENCE, XNNPACK], ids=lambda n: n.name)
def test_sum_of_all_pairs_of_codes(numerics: Numerics) -> None:
    a, b = all_pairs()
    y = Quant(scale=(2.0,), zero_point=(7,))
    got = run(Add(), a, b, y=y, numerics=numerics)
    for i in range(0, len(a), 17):
        half = Fraction(int(a[i]) + int(b[i]), 2)
        # TFLite rounds halves away from zero in the last shift, XNNPACK up.
        away = half_up(abs(half)) * (1 if half >= 0 else -1)
        assert got[i] == max(-128, min(127, (half_up(half) if numerics is XNNPACK else away) + 7))


def test_sum_of_xnnpack_keeps_20_bits_just_below_a_power_of_two() -> None:
    """The exponent of 2^-9 less one bit of float32 is -10, though its float32 log2 is -9."""
    a = Quant(scale=(float(np.nextafter(np.float32(2.0**-9), np.float32(0))),), signed=False)
    b = Quant(scale=(233017 * 2.0**-30,), signed=False)
    # 255 * 2^21 + 9 * 233017 = 2^29 + 1 in units of 2^-30: just above a half.
    # Such scales are left to other kernels, so the formula is asked for.
    add = bind_sum("fixed20", (a, b, ONE), clamped_target("none", ONE))
    (codes,) = add(np.array([[255]], np.uint8), np.array([[9]], np.uint8))
    assert codes.tolist() == [[1]]


def test_product_of_all_pairs_of_codes() -> None:
    a, b = all_pairs()
    got = np.array(run(Mul(), a, b, y=Quant(scale=(64.0,))))
    exact = a.astype(int) * b.astype(int) / 64
    assert np.abs(got - np.clip(exact, -128, 127)).max() <= 0.75
    assert got[exact == np.rint(exact)].tolist() == (
        np.clip(exact[exact == np.rint(exact)], -128, 127).tolist()
    )


@pytest.mark.parametrize("numerics", [REFERENCE, XNNPACK], ids=lambda n: n.name)
def test_matmul_sums_wrap_at_32_bits(numerics: Numerics) -> None:
    row = np.full((1, 160_000), 127, np.int8)
    # 160000 * 127^2 = 2580640000 wraps to -1714327296: -102.18 in steps of 2^24.
    y = Quant(scale=(2.0**24,))
    assert run(MatMul(), row, row.T, y=y, numerics=numerics) == [-102]


def test_average_of_codes_goes_away_from_zero_at_halves() -> None:
    pool = AveragePool2d(kernel=(1, 2), stride=(1, 2))
    row = np.array([1, 2, -1, -2, -1, 0, 127, 127, 3, 3], np.int8).reshape(1, 1, 10, 1)
    assert run(pool, row) == [2, -2, -1, 127, 3]


def test_average_counts_padding_or_not() -> None:
    row = np.array([10, 20, 30], np.int8).reshape(1, 1, 3, 1)
    settings: Any = {"kernel": (1, 3), "stride": (1, 2), "padding": ((0, 0), (1, 1))}
    assert run(AveragePool2d(**settings), row) == [15, 25]
    assert run(AveragePool2d(count_padding=True, **settings), row) == [10, 17]
    # The zero that counts is the real zero: codes 12 of a zero point 2 are the real 10.
    shifted = Quant(scale=(1.0,), zero_point=(2,))
    counting = AveragePool2d(count_padding=True, **settings)
    assert run(counting, row + 2, x=shifted, y=shifted) == [12, 19]


def test_padding_never_wins_a_maximum() -> None:
    row = np.full((1, 1, 3, 1), -100, np.int8)
    pool = MaxPool2d(kernel=(1, 3), stride=(1, 1), padding=((0, 0), (1, 1)))
    assert run(pool, row) == [-100] * 3
    assert np.asarray(pool.reference(row[None].astype(float))[0]).ravel().tolist() == [-100.0] * 3


@pytest.mark.parametrize(
    ("activation", "low", "high"),
    [("none", -128, 127), ("relu", 3, 127), ("relu6", 3, 63), ("relu_n1_to_1", -7, 13)],
)
def test_clamps_in_codes(activation: Fused, low: int, high: int) -> None:
    target = clamped_target(activation, Quant(scale=(0.1,), zero_point=(3,)))
    assert (target.low, target.high) == (low, high)


def test_clamp_beyond_the_codes_is_the_end_of_the_codes() -> None:
    target = clamped_target("relu6", Quant(scale=(0.001,), zero_point=(-128,)))
    assert (target.low, target.high) == (-128, 127)


def test_clamp_rounds_halves_as_the_runtime_does() -> None:
    quant = Quant(scale=(2.0,), zero_point=(-3,))
    # 1 is half a step: away from zero, then -3; or -2.5 to the even -2.
    assert clamped_target("relu_n1_to_1", quant, "tflite").high == -2
    assert clamped_target("relu_n1_to_1", quant, "xnnpack").high == -2
    assert clamped_target("relu_n1_to_1", quant, "tflite").low == -4
    assert clamped_target("relu_n1_to_1", quant, "xnnpack").low == -4
    assert clamped_target("relu6", Quant(scale=(4.0,)), "tflite").high == 2
    assert clamped_target("relu6", Quant(scale=(4.0,), zero_point=(1,)), "tflite").high == 3
    assert clamped_target("relu6", Quant(scale=(4.0,), zero_point=(1,)), "xnnpack").high == 2


def test_reals_quantize_to_the_nearest_float32_step() -> None:
    x = np.array([0.5, -0.5, 1.5, 0.49999997, 1e30, -1e30])
    assert run(Quantize(), x, x=None) == [1, -1, 2, 0, 127, -128]
    assert run(Quantize(), x, x=None, numerics=XNNPACK) == [0, 0, 2, 0, 127, -128]


def test_codes_dequantize_exactly() -> None:
    quant = Quant(scale=(0.25,), zero_point=(-128,))
    assert run(Dequantize(), CODES, x=quant, y=None) == [0.25 * i for i in range(256)]


@pytest.mark.parametrize(
    "function", ["logistic", "tanh", "gelu", "gelu_tanh", "silu", "hard_sigmoid", "elu", "exp"]
)
def test_tables_are_the_encoded_function(function: Any) -> None:
    x = Quant(scale=(0.05,), zero_point=(-20,))
    y = Quant(scale=(0.0417,), zero_point=(-100,))
    op = Elementary(function=function)
    (exact,) = op.reference(x.decode(CODES)[None])
    assert run(op, CODES, x=x, y=y) == y.encode(exact).ravel().tolist()


def test_constant_gives_one_sample() -> None:
    value = Weight(codes=np.array([[1, -2, 3]], np.int8), quant=ONE)
    op = Constant(value=value)
    site = case(op, y=ONE).site(REFERENCE)
    assert op.prepare(site)()[0].tolist() == [[[1, -2, 3]]]


def test_slices_step() -> None:
    op = Slice(start=(0, 1), stop=(1, 10), step=(1, 4))
    assert run(op, np.arange(10, dtype=np.int8)[None]) == [1, 5, 9]
