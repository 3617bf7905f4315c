"""The fixed-point softmax beside a twin that follows gemmlowp's fixedpoint.h line by line."""

from __future__ import annotations

import numpy as np
import pytest

from hwsim.arrays import IntArray
from hwsim.kernels.softmax import exp_negative, softmax_codes
from hwsim.numerics.rounding import fixed_point

MAX = (1 << 31) - 1


def clip(x: int) -> int:
    return max(-(1 << 31), min(MAX, x))


def toward_zero(a: int, b: int) -> int:
    """C's division."""
    return abs(a) // b * (1 if a >= 0 else -1)


def doubling_high_mul(a: int, b: int) -> int:
    """SaturatingRoundingDoublingHighMul."""
    if a == b == -(1 << 31):
        return MAX
    nudge = 1 << 30 if a * b >= 0 else 1 - (1 << 30)
    return toward_zero(a * b + nudge, 1 << 31)


def divide_by_pot(x: int, exponent: int) -> int:
    """RoundingDivideByPOT."""
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> exponent) + (1 if x & mask > threshold else 0)


def exp_on_interval(a: int) -> int:
    """exp_on_interval_between_negative_one_quarter_and_0_excl; Q0.31 to Q0.31."""
    x = a + (1 << 28)
    x2 = doubling_high_mul(x, x)
    x3, x4 = doubling_high_mul(x2, x), doubling_high_mul(x2, x2)
    x4_over_4 = divide_by_pot(x4, 2)
    tail = divide_by_pot(doubling_high_mul(x4_over_4 + x3, 715827883) + x2, 1)
    return 1895147668 + doubling_high_mul(1895147668, x + tail)


def exp_on_negative_values(a: int) -> int:
    """Q5.26 to Q0.31."""
    quarter = 1 << 24
    rest = (a & (quarter - 1)) - quarter
    result = exp_on_interval(clip(rest << 5))
    powers = {
        -2: 1672461947, -1: 1302514674, 0: 790015084, 1: 290630308, 2: 39332535, 3: 720401, 4: 242,
    }  # fmt: skip
    for exponent, multiplier in powers.items():
        if (rest - a) & (1 << (26 + exponent)):
            result = doubling_high_mul(result, multiplier)
    return MAX if a == 0 else result


def one_over_one_plus_x(a: int) -> int:
    """one_over_one_plus_x_for_x_in_0_1; Q0.31 to Q0.31."""
    half_denominator = toward_zero(a + MAX + 1, 2)
    x = 1515870810 + doubling_high_mul(half_denominator, -1010580540)
    for _ in range(3):
        error = (1 << 29) - doubling_high_mul(half_denominator, x)
        x += clip(doubling_high_mul(x, error) << 2)
    return clip(x << 1)


def softmax_twin(row: list[int], mantissa: int, shift: int, smallest: int) -> list[int]:
    """reference_ops::Softmax of int8 to int8."""
    differences = [code - max(row) for code in row]
    powers = [
        exp_on_negative_values(doubling_high_mul(d << shift, mantissa)) if d >= smallest else None
        for d in differences
    ]
    total = sum(divide_by_pot(power, 12) for power in powers if power is not None)
    headroom = 32 - total.bit_length()
    scale = one_over_one_plus_x((total << headroom) - (1 << 31))
    shift_back = 12 - headroom + 31 - 8
    return [
        -128
        if power is None
        else max(-128, min(127, divide_by_pot(doubling_high_mul(scale, power), shift_back) - 128))
        for power in powers
    ]


def multiplier(scale: float) -> tuple[int, int, int]:
    """Return (mantissa, shift, smallest difference) as TFLite's Prepare makes them."""
    mantissa, exponent = fixed_point(np.array([min(scale * (1 << 26), 2.0**31 - 1)]))
    shift = int(exponent[0])
    return int(mantissa[0]), shift, -((31 << 26) >> shift)


def run(rows: IntArray, scale: float) -> IntArray:
    out = np.empty(rows.shape, np.int8)
    softmax_codes(rows, *multiplier(scale), out)
    return out


SCALES = (1 / 256, 0.0117, 0.0625, 0.1, 0.37, 1.0, 5.5)
# Every difference that two int8 codes can have.
PAIRS = np.array([(127, 127 - d) for d in range(256)], np.int8)


@pytest.mark.parametrize("scale", SCALES)
def test_two_classes_at_every_difference(scale: float) -> None:
    got = run(PAIRS, scale)
    assert got.tolist() == [softmax_twin(row, *multiplier(scale)) for row in PAIRS.tolist()]
    exact = 1 / (1 + np.exp(-scale * np.arange(256)))
    # Half a code of the last rounding; the 12 bits that the sum drops are far below another half.
    # A certain class has the code 128, of which int8 holds 127.
    assert np.abs(got[:, 0] - np.minimum(256 * exact - 128, 127)).max() <= 1.0
    assert np.abs(got[:, 1] - (256 * (1 - exact) - 128)).max() <= 1.0


@pytest.mark.parametrize("scale", SCALES)
def test_many_classes(scale: float) -> None:
    rng = np.random.default_rng(7)
    for classes in (1, 2, 3, 10, 100):
        rows = rng.integers(-128, 128, (5, classes)).astype(np.int8)
        expected = [softmax_twin(row, *multiplier(scale)) for row in rows.tolist()]
        assert run(rows, scale).tolist() == expected


def test_equal_classes_share_evenly() -> None:
    assert run(np.full((1, 4), 5, np.int8), 0.1).tolist() == [[-64] * 4]


def test_exponential_everywhere() -> None:
    arguments = [
        0,
        -1,
        -2,
        *(-(1 << k) for k in range(2, 31)),
        *(1 - (1 << k) for k in range(2, 31)),
    ]
    arguments += np.random.default_rng(0).integers(-(31 << 26), 0, 500).tolist()
    for a in arguments:
        assert exp_negative(a) == exp_on_negative_values(a)
        # gemmlowp's own test allows 2^-20 or so; the shortest exact statement is 10^-6.
        assert abs(exp_negative(a) / 2**31 - np.exp(a / 2**26)) < 1e-6
