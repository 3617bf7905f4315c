"""The fused multiply-add, against fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hwsim.numerics.fused import fused_multiply_add

normal = st.floats(2.0**-30, 2.0**30, width=32)
signed = st.tuples(normal, st.sampled_from([-1.0, 1.0])).map(math.prod)


def rounded(exact: Fraction) -> np.float32:
    """Return the nearest float32, ties to even; normal numbers only."""
    if exact == 0:
        return np.float32(0)
    exponent = math.frexp(float(abs(exact)))[1]
    for step in (Fraction(2) ** (exponent - 24), Fraction(2) ** (exponent - 23)):
        whole = round(exact / step)  # Python rounds halves of fractions to even.
        if abs(whole) <= 1 << 24:
            return np.float32(float(whole * step))
    raise AssertionError(exact)


@given(a=signed, b=signed, c=signed)
def test_it_rounds_once(a: float, b: float, c: float) -> None:
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    got = fused_multiply_add(*(np.asarray([x], np.float32) for x in (a, b, c)))
    assert got.dtype == np.float32
    assert got[0] == rounded(exact)


def test_a_sum_that_float64_would_round_to_a_tie() -> None:
    """1 + 2^-24 is a tie in float32; 2^-60 more decides it, which a float64 sum forgets."""
    tie = np.float32(1) + np.float32(2.0**-23) * np.float32(0)
    a, b = np.float32(2.0**-30), np.float32(2.0**-30)
    c = np.float32(1)
    above = fused_multiply_add(np.float32(1 + 2.0**-12), np.float32(1 + 2.0**-12), a * b)
    assert fused_multiply_add(a, b, c) == tie
    assert above == np.float32(1 + 2.0**-11 + 2.0**-23)
