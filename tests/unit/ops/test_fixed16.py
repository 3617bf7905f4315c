"""Fixed-point functions of 16 bits against the exact ones, and their rounding by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hwsim.numerics import Quant
from hwsim.ops import _fixed16, _lstm_codes
from hwsim.ops._sigmoid16 import bind_logistic, bind_tanh
from hwsim.ops._softmax16 import bind_softmax

CODES = np.arange(-(1 << 15), 1 << 15)


def test_halves_go_away_from_zero() -> None:
    x = np.array([-6, -5, -3, -2, 2, 3, 5, 6])
    expected = [-2, -1, -1, -1, 1, 1, 1, 2]
    for module in (_fixed16, _lstm_codes):
        assert module._divided(x, 2).tolist() == expected  # pyright: ignore[reportPrivateUsage]


def test_logistic_table() -> None:
    """Newton's reciprocal in Q2.13 leaves some steps of 2^-15."""
    table = _fixed16.logistic_table()
    assert table[1 << 15] == 1 << 14
    exact = 1 / (1 + np.exp(-CODES / 4096))
    assert np.abs(table / 32768 - exact).max() <= 8 / 32768


@pytest.mark.parametrize("integer_bits", range(7))
def test_tanh_tables(integer_bits: int) -> None:
    table = _fixed16.tanh_table(integer_bits)
    assert table[1 << 15] == 0
    assert np.abs(table / 32768 - np.tanh(CODES * 2.0 ** (integer_bits - 15))).max() <= 13 / 32768
    # Odd, but for the smallest argument, which has no opposite.
    np.testing.assert_array_equal(table[1:], -table[:0:-1])


@pytest.mark.parametrize("scale", [2.0**-16, 2.0**-12, 2.0**-11, 3e-4, 1e-3])
@pytest.mark.parametrize("formula", ["table", "fixed"])
def test_sigmoids_of_16_bits(scale: float, formula: str) -> None:
    """A table of steps of 1/24 errs by h^2/8 of the curve's bend; multipliers have 14 bits."""
    quant, codes = Quant(scale=(scale,), bits=16), CODES.astype(np.int16)
    (sigma,) = bind_logistic(quant, formula)(codes)
    (hyperbolic,) = bind_tanh(quant, formula)(codes)
    assert np.abs(sigma / 32768 - 1 / (1 + np.exp(-CODES * scale))).max() <= 12 / 32768
    assert np.abs(hyperbolic / 32768 - np.tanh(CODES * scale)).max() <= 16 / 32768


@pytest.mark.parametrize("tables", ["float32", "float64"])
def test_softmax_of_16_bits(tables: str) -> None:
    codes = np.random.default_rng(0).integers(-32768, 32768, (50, 9)).astype(np.int16)
    (shares,) = bind_softmax(0.5, Quant(scale=(2e-4,), bits=16), tables)(codes)
    powers = np.exp(0.5 * 2e-4 * (codes - codes.max(axis=-1, keepdims=True).astype(np.float64)))
    exact = powers / powers.sum(axis=-1, keepdims=True)
    assert np.abs(shares / 32768 - exact).max() <= 4 / 32768
