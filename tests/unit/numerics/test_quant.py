"""What codes mean, enumerated."""

from __future__ import annotations

import numpy as np
import pytest

from hwsim.numerics import Quant

ENCODINGS = [
    Quant(scale=(scale,), zero_point=(zero_point,), bits=bits, signed=signed)
    for bits, signed, zero_points in [
        (2, True, (0,)),
        (4, True, (0, -8, 7)),
        (8, True, (0, -128, 3, 127)),
        (8, False, (0, 128, 255)),
        (16, True, (0,)),
        (16, False, (300,)),
    ]
    for scale in (1.0, 0.1, 2.0**-20, 1e-7, 321.5)
    for zero_point in zero_points
]
encodings = pytest.mark.parametrize("quant", ENCODINGS, ids=str)


@encodings
def test_every_code_comes_back(quant: Quant) -> None:
    codes = np.arange(quant.low, quant.high + 1).astype(quant.dtype)
    assert len(codes) == 1 << quant.bits
    assert codes.astype(int).tolist() == list(range(quant.low, quant.high + 1))
    back = quant.encode(quant.decode(codes))
    assert back.dtype == quant.dtype
    np.testing.assert_array_equal(back, codes)


@encodings
def test_zero_is_exact(quant: Quant) -> None:
    assert quant.encode(np.zeros(1)).tolist() == list(quant.zero_point)
    assert quant.decode(np.array(quant.zero_point)).tolist() == [0.0]


@encodings
def test_nearest_code_wins(quant: Quant) -> None:
    rng = np.random.default_rng(0)
    real = rng.choice([-1, 1], 2000) * 10.0 ** rng.uniform(-9, 6, 2000)
    codes = quant.encode(real)
    assert quant.low <= codes.min() <= codes.max() <= quant.high
    lowest, highest = quant.decode(np.array([quant.low, quant.high]))
    error = np.abs(quant.decode(codes) - np.clip(real, lowest, highest))
    # Half a step, and what float64 loses in a quotient of at most 2^16.
    assert error.max() <= quant.scale[0] * (0.5 + 2.0**-30)


def test_ties_go_to_even_steps() -> None:
    halves = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    assert Quant(scale=(1.0,)).encode(halves).tolist() == [-2, -2, 0, 0, 2, 2]
    # The steps are even, not the codes: the zero point is added after.
    assert Quant(scale=(1.0,), zero_point=(1,)).encode(halves).tolist() == [-1, -1, 1, 1, 3, 3]


def test_reals_beyond_the_range_are_clipped() -> None:
    quant = Quant(scale=(0.5,), zero_point=(-128,))
    assert quant.encode(np.array([-1.0, 1e30, 127.5, 128.0])).tolist() == [-128, 127, 127, 127]


@pytest.mark.parametrize(
    ("bits", "signed", "low", "high", "dtype"),
    [
        (4, True, -8, 7, "int8"),
        (8, True, -128, 127, "int8"),
        (8, False, 0, 255, "uint8"),
        (9, True, -256, 255, "int16"),
        (16, True, -32768, 32767, "int16"),
        (32, True, -(2**31), 2**31 - 1, "int32"),
        (32, False, 0, 2**32 - 1, "uint32"),
    ],
)
def test_ranges(bits: int, signed: bool, low: int, high: int, dtype: str) -> None:
    quant = Quant(scale=(1.0,), bits=bits, signed=signed)
    assert (quant.low, quant.high, quant.dtype) == (low, high, np.dtype(dtype))
    assert quant.encode(np.array([-1e20, 1e20])).tolist() == [low, high]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("bits", [4, 8])
def test_channels_have_scales_of_their_own(axis: int, bits: int) -> None:
    quant = Quant(scale=(0.5, 2.0, 1e-3), zero_point=(0, 1, -3), axis=axis, bits=bits)
    column = np.arange(quant.low, quant.high + 1)
    codes = np.moveaxis(np.broadcast_to(column, (3, 2, len(column))), 0, axis)
    real = quant.decode(codes)
    np.testing.assert_array_equal(quant.encode(real), codes)
    for c, (scale, zero_point) in enumerate(zip(quant.scale, quant.zero_point, strict=True)):
        alone = Quant(scale=(scale,), zero_point=(zero_point,), bits=bits)
        np.testing.assert_array_equal(np.take(real, c, axis), alone.decode(np.take(codes, c, axis)))


def test_take_keeps_the_channels_asked_for() -> None:
    quant = Quant(scale=(1.0, 2.0, 3.0), zero_point=(4, 5, 6), axis=0)
    taken = quant.take(np.array([2, 0]))
    assert (taken.scale, taken.zero_point, taken.axis) == ((3.0, 1.0), (6, 4), 0)
    per_tensor = Quant(scale=(1.0,))
    assert per_tensor.take(np.array([2, 0])) is per_tensor


def test_symmetric_means_no_zero_point_at_all() -> None:
    assert Quant(scale=(1.0, 2.0), zero_point=(0, 0), axis=0).is_symmetric
    assert not Quant(scale=(1.0, 2.0), zero_point=(0, 1), axis=0).is_symmetric
