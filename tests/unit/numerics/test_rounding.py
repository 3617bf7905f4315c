"""Every rounding beside a twin in exact arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hwsim.numerics import Rounding
from hwsim.numerics.rounding import (
    ROUNDINGS,
    Float32Even,
    Float64Away,
    Gemmlowp,
    Target,
    fixed_point,
    gemmlowp_round,
    round_away,
)

INT8 = Target(zero_point=0, low=-128, high=127, dtype=np.dtype(np.int8))
# Wide enough to see every bit of the rounding, and not only its clamp.
INT32 = Target(zero_point=0, low=-(1 << 31), high=(1 << 31) - 1, dtype=np.dtype(np.int32))
LOWEST, HIGHEST = -(1 << 31), (1 << 31) - 1
EDGES = (LOWEST, LOWEST + 1, -65536, -3, -2, -1, 0, 1, 2, 3, 65535, HIGHEST - 1, HIGHEST)


def half_away(x: Fraction) -> int:
    """Return the nearest integer, halves away from zero."""
    nearest = math.floor(abs(x) + Fraction(1, 2))
    return nearest if x >= 0 else -nearest


def to_float32(x: Fraction) -> Fraction:
    """Return the nearest float32, halves to even; normal numbers only."""
    if x == 0:
        return x
    exponent = math.floor(math.log2(abs(x)))
    exponent += (abs(x) >= Fraction(2) ** (exponent + 1)) - (abs(x) < Fraction(2) ** exponent)
    ulp = Fraction(2) ** (exponent - 23)
    return round(x / ulp) * ulp  # Python rounds a Fraction half to even, exactly.


def doubling_high_mul(a: int, b: int) -> int:
    """gemmlowp's SaturatingRoundingDoublingHighMul; C divides toward zero."""
    if a == b == LOWEST:
        return HIGHEST
    nudged = a * b + (1 << 30 if a * b >= 0 else 1 - (1 << 30))
    return abs(nudged) // (1 << 31) * (1 if nudged >= 0 else -1)


def divide_by_pot(x: int, exponent: int) -> int:
    """gemmlowp's RoundingDivideByPOT."""
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> exponent) + (1 if x & mask > threshold else 0)


def gemmlowp_twin(x: int, multiplier: float) -> int:
    fraction, exponent = math.frexp(multiplier)
    mantissa = half_away(Fraction(fraction) * 2**31)
    if mantissa == 1 << 31:
        mantissa, exponent = mantissa // 2, exponent + 1
    if exponent < -31:
        return 0
    shifted = max(LOWEST, min(HIGHEST, x << max(exponent, 0)))
    return divide_by_pot(doubling_high_mul(shifted, mantissa), max(-exponent, 0))


def twin_of(rounding: Rounding, x: int, scales: tuple[float, float, float]) -> int:
    """Return the rounded product, before any zero point or clamp."""
    x_scale, w_scale, y_scale = scales
    if isinstance(rounding, Gemmlowp):
        return gemmlowp_twin(x, x_scale * w_scale / y_scale)
    if isinstance(rounding, Float64Away):
        return half_away(Fraction(float(x) * (x_scale * w_scale / y_scale)))
    product = to_float32(Fraction(x_scale) * Fraction(w_scale))
    scale = to_float32(product / Fraction(y_scale))
    return round(to_float32(to_float32(Fraction(x)) * scale))


def check(rounding: Rounding, xs: list[int], scales: tuple[float, float, float]) -> None:
    x_scale, w_scale, y_scale = scales
    target = INT32 if not isinstance(rounding, Float32Even) else INT24
    bound = rounding.bind(x_scale, np.array([w_scale]), y_scale, target)
    got = bound(np.array(xs, np.int32)[:, None])[:, 0].tolist()
    expected = [max(target.low, min(target.high, twin_of(rounding, x, scales))) for x in xs]
    assert got == expected


# float32 holds integers up to 2^24: its clamp is exact only there.
INT24 = Target(zero_point=0, low=-(1 << 24), high=1 << 24, dtype=np.dtype(np.int32))
roundings = pytest.mark.parametrize("rounding", ROUNDINGS, ids=lambda r: r.name)
positive32 = st.floats(2.0**-14, 8.0, width=32)
accumulators = st.lists(
    st.one_of(st.integers(LOWEST, HIGHEST), st.integers(-70000, 70000), st.sampled_from(EDGES)),
    min_size=1,
    max_size=30,
)


@roundings
@given(xs=accumulators, scales=st.tuples(positive32, positive32, positive32))
@example(xs=list(EDGES), scales=(1.0, 1.0, 1.0))
@example(xs=list(EDGES), scales=(8.0, 8.0, 2.0**-14))  # far beyond 32 bits
@example(xs=list(EDGES), scales=(2.0**-14, 2.0**-14, 8.0))  # the last bit at best
def test_equals_its_twin(
    rounding: Rounding, xs: list[int], scales: tuple[float, float, float]
) -> None:
    check(rounding, xs, scales)


@roundings
@pytest.mark.parametrize("shift", range(33))
def test_exact_ties_at_every_shift(rounding: Rounding, shift: int) -> None:
    half = (1 << shift) // 2
    ties = [half * odd for odd in (-257, -255, -7, -5, -3, -1, 1, 3, 5, 7, 255, 257)]
    xs = [x + by for x in ties for by in (-1, 0, 1) if LOWEST <= x + by <= HIGHEST]
    check(rounding, [*xs, *EDGES], (2.0 ** -(shift // 2), 2.0 ** -(shift - shift // 2), 1.0))


@roundings
def test_all_accumulators_of_few_bits_at_every_small_shift(rounding: Rounding) -> None:
    for shift in range(9):
        check(rounding, list(range(-1100, 1101)), (1.0, 2.0**-shift, 1.0))
        check(rounding, list(range(-1100, 1101, 7)), (1.0, 3.0 * 2.0**-shift, 4.0))


@pytest.mark.parametrize(
    ("rounding", "halves", "quarters"),
    [
        # x / 2 for x = -5, -3, -1, 1, 3, 5, and x / 4 for x = -6, -2, 2, 6.
        (Gemmlowp(), [-2, -1, 0, 1, 2, 3], [-2, -1, 1, 2]),
        (Float32Even(), [-2, -2, 0, 0, 2, 2], [-2, 0, 0, 2]),
        (Float64Away(), [-3, -2, -1, 1, 2, 3], [-2, -1, 1, 2]),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_where_ties_go(rounding: Rounding, halves: list[int], quarters: list[int]) -> None:
    requantize = rounding.bind(0.5, np.array([1.0, 0.5], np.float32), 1.0, INT8)
    columns = np.array([[-5, -3, -1, 1, 3, 5], [-6, -2, 2, 6, 0, 0]], np.int32).T
    got = requantize(columns)
    assert got[:, 0].tolist() == halves
    assert got[:4, 1].tolist() == quarters


@roundings
def test_rounds_twice_only_in_gemmlowp(rounding: Rounding) -> None:
    # 1.5 less 2^-21: up to 1.5 in the first rounding, away from 1 in the second.
    x = np.array([[3 * (1 << 20) - 1]], np.int32)
    code = rounding.bind(1.0, np.array([2.0**-21]), 1.0, INT8)(x)
    assert code.tolist() == [[2 if rounding.name == "gemmlowp" else 1]]


@roundings
@pytest.mark.parametrize(
    ("zero_point", "low", "high", "dtype"),
    [(-128, -128, 127, "int8"), (10, 10, 90, "int8"), (200, 0, 255, "uint8")],
)
def test_zero_point_then_clamp(
    rounding: Rounding, zero_point: int, low: int, high: int, dtype: str
) -> None:
    type_: np.dtype[np.integer] = np.dtype(dtype)
    target = Target(zero_point=zero_point, low=low, high=high, dtype=type_)
    xs = [LOWEST, -3000, -100, -1, 0, 1, 100, 3000, HIGHEST]
    got = rounding.bind(1.0, np.array([1.0]), 1.0, target)(np.array([xs], np.int32).T)
    assert got.dtype == type_
    assert got[:, 0].tolist() == [max(low, min(high, x + zero_point)) for x in xs]


@roundings
@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    per_channel=st.booleans(),
    seed=st.integers(0, 1 << 32),
)
def test_channels_are_the_last_axis(
    rounding: Rounding, shape: list[int], per_channel: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(-40000, 40000, shape).astype(np.int32)
    scales = rng.uniform(1e-4, 1e-2, shape[-1] if per_channel else 1).astype(np.float32)
    got = rounding.bind(0.5, scales, 0.25, INT8)(x)
    assert got.shape == x.shape
    for c in range(shape[-1]):
        alone = rounding.bind(0.5, scales[[c if per_channel else 0]], 0.25, INT8)
        np.testing.assert_array_equal(got[..., c], alone(x[..., [c]])[..., 0])


@roundings
@given(xs=accumulators, scales=st.tuples(positive32, positive32, positive32))
def test_within_three_quarters_of_a_step(
    rounding: Rounding, xs: list[int], scales: tuple[float, float, float]
) -> None:
    """Half a step of the last rounding, and a quarter that gemmlowp's first adds at most.

    The first rounds in units of 2^-r steps: half a unit is a quarter step at r = 1, and at r = 0
    there is no second. Inexact multipliers add 2^-31 (gemmlowp) or 2^-22 (float32: three
    roundings and that of x, 2^-24 each) of the product, which is below 2^8 where no clamp acts.
    """
    x_scale, w_scale, y_scale = scales
    codes = rounding.bind(x_scale, np.array([w_scale]), y_scale, INT8)(np.array([xs], np.int32).T)
    exact = np.clip([x * x_scale * w_scale / y_scale for x in xs], -128, 127)
    assert np.abs(codes[:, 0] - exact).max() <= 0.75 + 2.0**-14


@roundings
@given(xs=accumulators, scales=st.tuples(positive32, positive32, positive32))
def test_larger_sums_never_get_smaller_codes(
    rounding: Rounding, xs: list[int], scales: tuple[float, float, float]
) -> None:
    x_scale, w_scale, y_scale = scales
    column = np.array([sorted(xs)], np.int32).T
    codes = rounding.bind(x_scale, np.array([w_scale]), y_scale, INT8)(column)[:, 0]
    assert (np.diff(codes.astype(int)) >= 0).all()


@given(st.floats(2.0**-31, 2.0**30))
@example(1.0)
@example(0.5)
@example(math.nextafter(1.0, 0.0))
@example(math.nextafter(2.0**-31, 1.0))
def test_fixed_point_is_the_nearest_of_31_bits(multiplier: float) -> None:
    mantissas, exponents = fixed_point(np.array([multiplier]))
    mantissa, exponent = int(mantissas[0]), int(exponents[0])
    assert 1 << 30 <= mantissa < 1 << 31
    assert abs(Fraction(multiplier) - mantissa * Fraction(2) ** (exponent - 31)) <= (
        Fraction(2) ** (exponent - 32)
    )


@pytest.mark.parametrize(
    ("multiplier", "mantissa", "exponent"),
    [
        (1.0, 1 << 30, 1),
        (0.5, 1 << 30, 0),
        (0.75, 3 << 29, 0),
        (1 - 2.0**-40, 1 << 30, 1),  # rounds up to a power of two
        (2.0**-32, 1 << 30, -31),
        (2.0**-33, 0, 0),  # below every accumulator
        (1e-30, 0, 0),
    ],
)
def test_fixed_point_examples(multiplier: float, mantissa: int, exponent: int) -> None:
    got = fixed_point(np.array([multiplier]))
    assert [int(part[0]) for part in got] == [mantissa, exponent]


@pytest.mark.parametrize("x", EDGES)
def test_gemmlowp_takes_every_exponent(x: int) -> None:
    for exponent in range(-31, 40):
        mantissa = 0x5A827999  # sqrt(2) / 2, an odd pattern of bits
        expected = divide_by_pot(
            doubling_high_mul(max(LOWEST, min(HIGHEST, x << max(exponent, 0))), mantissa),
            max(-exponent, 0),
        )
        assert gemmlowp_round(x, mantissa, exponent) == expected


@pytest.mark.parametrize("dtype", [np.dtype(np.float32), np.dtype(np.float64)], ids=str)
def test_round_away_never_adds_a_half(dtype: np.dtype[np.floating]) -> None:
    # 2^23 + 1 with 0.5 is a tie in float32; the last number below 0.5 with 0.5 rounds up to 1.
    x = np.array([0.5, -0.5, 2.5, -2.5, 1.49, 8388609, -8388609, 0], dtype)
    below = np.nextafter(x[0], x[-1])
    got = round_away(np.array([*x, below, -below], dtype))
    assert got.dtype == dtype
    assert got.tolist() == [1, -1, 3, -3, 1, 8388609, -8388609, 0, 0, 0]
