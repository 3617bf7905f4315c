"""Roundings of steps: every tie, against Python's decimal arithmetic; bias and chance."""

from __future__ import annotations

from collections.abc import Callable
from decimal import (
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Decimal,
)
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressors.quantization.rounding import RoundingName, Stochastic, find_rounding
from compressors.quantization.schemes import Uniform
from hwsim.arrays import FloatArray

# Eighths hold every tie, and every neighbour of one.
EIGHTHS = np.arange(-80, 81)
STEPS: FloatArray = EIGHTHS / 8
NAMES: tuple[RoundingName, ...] = get_args(RoundingName)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("nearest_even", ROUND_HALF_EVEN),
        ("half_away", ROUND_HALF_UP),  # Decimal's "half up" is away from zero.
        ("floor", ROUND_FLOOR),
        ("truncate", ROUND_DOWN),
    ],
)
def test_roundings_are_those_of_decimal(name: RoundingName, mode: str) -> None:
    want = [int(Decimal(float(step)).to_integral_value(rounding=mode)) for step in STEPS]
    assert find_rounding(name)(STEPS).tolist() == want


@pytest.mark.parametrize("name", ["half_up", "max_plus_one"])
def test_half_up_is_what_integers_compute(name: RoundingName) -> None:
    # (2 x + 1) >> 1 of x in eighths.
    assert find_rounding(name)(STEPS).tolist() == ((2 * EIGHTHS + 8) >> 4).tolist()
    # Where x + 1/2 is rounded up to the next whole number itself.
    assert find_rounding(name)(np.array([np.nextafter(0.5, 0)])).tolist() == [0.0]


@pytest.mark.parametrize("name", NAMES)
def test_whole_numbers_stay(name: RoundingName) -> None:
    whole = np.arange(-300.0, 301.0)
    np.testing.assert_array_equal(find_rounding(name, 7)(whole), whole)


@pytest.mark.parametrize(
    ("name", "bias"),
    [("nearest_even", 0.0), ("half_up", 1 / 512), ("half_away", 0.0), ("truncate", 0.0)],
)
def test_bias_of_steps_spread_evenly(name: RoundingName, bias: float) -> None:
    steps = np.arange(-512, 512) / 256 + 0.0
    # Steps from -2 to 2 without its upper end: ties are one in 256.
    assert (find_rounding(name)(steps) - steps).mean() == pytest.approx(bias, abs=1e-3)


def test_cutting_loses_half_a_step() -> None:
    steps = np.arange(0, 1024) / 256
    for name in ("floor", "truncate"):
        made = find_rounding(name)(steps) - steps
        assert made.mean() == pytest.approx(-0.5 + 1 / 512)
    # Truncated weights shrink on both sides.
    assert (find_rounding("truncate")(-steps) + steps).mean() == pytest.approx(0.5 - 1 / 512)


def test_stochastic_is_right_on_average() -> None:
    steps = np.full(20000, 2.3)
    made = Stochastic(seed=1)(steps)
    assert set(made.tolist()) == {2.0, 3.0}
    # Five standard deviations of the mean: sqrt(f (1 - f) / n).
    assert abs(made.mean() - 2.3) < 5 * np.sqrt(0.3 * 0.7 / steps.size)
    assert made.var() == pytest.approx(0.3 * 0.7, rel=0.05)


def test_stochastic_depends_on_seed_stream_and_place_alone() -> None:
    steps = np.random.default_rng(0).standard_normal(64)
    made = Stochastic(3, 5)(steps)
    np.testing.assert_array_equal(Stochastic(3, 5)(steps), made)
    np.testing.assert_array_equal(Stochastic(3, 5)(steps[:20]), made[:20])
    np.testing.assert_array_equal(Stochastic(3, 5)(steps.reshape(8, 8)).reshape(-1), made)
    assert (Stochastic(4, 5)(steps) != made).any()
    assert (Stochastic(3, 6)(steps) != made).any()


@given(
    name=st.sampled_from(NAMES),
    rows=st.lists(st.lists(st.floats(-4, 4), min_size=3, max_size=3), min_size=1, max_size=4),
)
def test_codes_are_within_a_step_and_zeros_stay(
    name: RoundingName, rows: list[list[float]]
) -> None:
    scheme = Uniform(bits=4, round=find_rounding(name, 11))
    real = np.array(rows)
    real[:, 0] = 0.0
    quant = scheme.quant(real)
    codes = scheme.codes(real, quant)
    assert np.abs(codes).max() <= 7
    assert not codes[:, 0].any()
    steps = real / quant.spread(real.shape)[0]
    # The largest weight may lie a rounding of its scale beyond the last code.
    assert (np.abs(codes - steps) <= 1 + 1e-5).all()


def test_decimal_sees_a_wrong_rounding() -> None:
    wrong: Callable[[FloatArray], FloatArray] = np.ceil
    assert (wrong(STEPS) != find_rounding("half_up")(STEPS)).any()
