"""Every rounding beside a twin in exact arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hwsim.errors import UnsupportedError
from hwsim.numerics import Rounding
from hwsim.numerics.rounding import (
    ROUNDINGS,
    Float32Even,
    Float32Trunc,
    Float64Away,
    Gemmlowp,
    HalfUpTwice,
    HalfUpTwiceLanes,
    Int16x8,
    Rndnu,
    Single,
    Target,
    find_rounding,
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


def half_up(x: Fraction) -> int:
    return math.floor(x + Fraction(1, 2))


def mantissa_of(multiplier: float) -> tuple[int, int]:
    """Return (mantissa, exponent): multiplier ~ mantissa * 2^(exponent - 31)."""
    fraction, exponent = math.frexp(multiplier)
    mantissa = half_away(Fraction(fraction) * 2**31)
    if mantissa == 1 << 31:
        mantissa, exponent = mantissa // 2, exponent + 1
    return (0, 0) if exponent < -31 else (mantissa, exponent)


def held(x: int, bits: int) -> int:
    """Return x held to `bits` bits."""
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, x))


def gemmlowp_twin(x: int, multiplier: float) -> int:
    mantissa, exponent = mantissa_of(multiplier)
    shifted = held(x << max(exponent, 0), 32)
    return divide_by_pot(doubling_high_mul(shifted, mantissa), max(-exponent, 0))


def half_up_twice_twin(x: int, multiplier: float) -> int:
    mantissa, exponent = mantissa_of(multiplier)
    high = half_up(Fraction(held(x << max(exponent, 0), 32) * mantissa, 1 << 31))
    return half_up(Fraction(high, 1 << max(-exponent, 0)))


def single_twin(x: int, multiplier: float) -> int:
    mantissa, exponent = mantissa_of(multiplier)
    return half_up(x * mantissa * Fraction(2) ** (min(exponent, 30) - 31))


def int16x8_twin(x: int, multiplier: float) -> int:
    mantissa, exponent = mantissa_of(multiplier)
    upper = min(half_up(Fraction(mantissa, 1 << 16)), (1 << 15) - 1)
    return half_up(x * upper * Fraction(2) ** (exponent - 15))


def float32_scale(scales: tuple[float, float, float]) -> Fraction:
    """Return M computed in float32, step by step."""
    x_scale, w_scale, y_scale = scales
    return to_float32(to_float32(Fraction(x_scale) * Fraction(w_scale)) / Fraction(y_scale))


def twin_of(rounding: Rounding, x: int, scales: tuple[float, float, float]) -> int:
    """Return the rounded product, before any zero point or clamp."""
    x_scale, w_scale, y_scale = scales
    multiplier = x_scale * w_scale / y_scale
    # Alone, a channel is in no vector.
    if isinstance(rounding, Gemmlowp | HalfUpTwiceLanes):
        return gemmlowp_twin(x, multiplier)
    if isinstance(rounding, HalfUpTwice):
        return half_up_twice_twin(x, multiplier)
    if isinstance(rounding, Single):
        return single_twin(x, multiplier)
    if isinstance(rounding, Rndnu):
        return single_twin(x, float(float32_scale(scales)))
    if isinstance(rounding, Int16x8):
        return int16x8_twin(x, multiplier)
    if isinstance(rounding, Float64Away):
        return half_away(Fraction(float(x) * multiplier))
    if isinstance(rounding, Float32Trunc):
        product = to_float32(to_float32(Fraction(x)) * to_float32(Fraction(multiplier)))
        return math.trunc(product)
    assert isinstance(rounding, Float32Even)
    return round(to_float32(to_float32(Fraction(x)) * float32_scale(scales)))


def check(rounding: Rounding, xs: list[int], scales: tuple[float, float, float]) -> None:
    x_scale, w_scale, y_scale = scales
    target = INT24 if isinstance(rounding, Float32Even) else INT32
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
        (HalfUpTwice(), [-2, -1, 0, 1, 2, 3], [-1, 0, 1, 2]),
        (Single(), [-2, -1, 0, 1, 2, 3], [-1, 0, 1, 2]),
        (Rndnu(), [-2, -1, 0, 1, 2, 3], [-1, 0, 1, 2]),
        (Int16x8(), [-2, -1, 0, 1, 2, 3], [-1, 0, 1, 2]),
        (Float32Even(), [-2, -2, 0, 0, 2, 2], [-2, 0, 0, 2]),
        (Float32Trunc(), [-2, -1, 0, 0, 1, 2], [-1, 0, 0, 1]),
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
def test_which_round_twice(rounding: Rounding) -> None:
    # 1.5 less 2^-21: up to 1.5 in the first rounding, up to 2 in the second.
    x = np.array([[3 * (1 << 20) - 1]], np.int32)
    code = rounding.bind(1.0, np.array([2.0**-21]), 1.0, INT8)(x)
    rounds_twice = rounding.name in ("gemmlowp", "half_up_twice", "half_up_twice_lanes")
    assert code.tolist() == [[2 if rounds_twice else 1]]


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
    """Half a step of the last rounding, and a quarter that a first of two adds at most.

    The first rounds in units of 2^-r steps: half a unit is a quarter step at r = 1, and at r = 0
    there is no second. Inexact multipliers add 2^-31 (31 bits), 2^-22 (float32: three roundings
    and that of x, 2^-24 each) or 2^-14 (15 bits, and one step where 2^15 is held below) of the
    product, which is below 2^8 where no clamp acts. What is cut is off by a whole step.
    """
    x_scale, w_scale, y_scale = scales
    codes = rounding.bind(x_scale, np.array([w_scale]), y_scale, INT8)(np.array([xs], np.int32).T)
    exact = np.clip([x * x_scale * w_scale / y_scale for x in xs], -128, 127)
    inexact = 2.0**-6 if rounding.name == "int16x8" else 2.0**-14
    step = 1.0 if rounding.name == "float32_trunc" else 0.75
    assert np.abs(codes[:, 0] - exact).max() <= step + inexact


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


@pytest.mark.parametrize("channels", [1, 7, 8, 9, 15, 16, 17, 24, 31, 130])
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_whole_groups_of_eight_signed_channels_round_otherwise(channels: int, dtype: str) -> None:
    # x / 4 for x = -2: 0 half up, -1 away from zero.
    target = Target(zero_point=50, low=0, high=100, dtype=np.dtype(dtype))
    got = HalfUpTwiceLanes().bind(1.0, np.array([0.25]), 1.0, target)(
        np.full((3, channels), -2, np.int32)
    )
    in_lanes = 0 if dtype == "uint8" else channels // 8 * 8
    assert got.tolist() == [[50] * in_lanes + [49] * (channels - in_lanes)] * 3


def test_int16x8_takes_48_bits() -> None:
    # Held at 48 bits, and beyond: all of them clamp to the same 16-bit code.
    target = Target(zero_point=0, low=-32768, high=32767, dtype=np.dtype(np.int16))
    wide = [1 << 33, -(1 << 33), (1 << 46) + 12345, -(1 << 46) - 1, 3 << 40, 1 << 60, -(1 << 60)]
    for multiplier in (2.0**-20, 3e-9, 2.0**-31, 1.7e-5):
        requantize = Int16x8().bind(1.0, np.array([multiplier]), 1.0, target)
        got = requantize(np.array([wide], np.int64).T)[:, 0].tolist()
        expected = [held(int16x8_twin(x, multiplier), 16) for x in wide]
        assert got == expected


def test_mantissas_that_round_up_to_a_power_of_two_are_held_at_15_bits() -> None:
    values = Int16x8().multipliers(1.0, np.array([1 - 2.0**-20]), 1.0).values
    assert values.tolist() == [(1 << 15) - 1]


@roundings
def test_multipliers_are_int32_or_reals(rounding: Rounding) -> None:
    scales = rounding.multipliers(0.5, np.array([0.25, 1e-3, 0.7], np.float32), 0.125)
    kinds = {"float32_even": "float32", "float32_trunc": "float32", "float64_away": "float64"}
    assert scales.values.dtype == kinds.get(rounding.name, "int32")
    assert scales.exponents.dtype == np.int32
    assert scales.values.shape == scales.exponents.shape == (3,)


def test_every_rounding_is_found_by_its_name() -> None:
    assert [find_rounding(rounding.name) for rounding in ROUNDINGS] == list(ROUNDINGS)
    with pytest.raises(UnsupportedError, match="no rounding 'half_up'; known: gemmlowp, half_up_"):
        find_rounding("half_up")
