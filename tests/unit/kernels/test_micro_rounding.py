"""Roundings in vectors beside the roundings of `hwsim.numerics`, on every instruction set here."""

from __future__ import annotations

import ctypes
from typing import Any, Final

import numpy as np
import pytest

from hwsim.arrays import Array, IntArray
from hwsim.jit import target
from hwsim.kernels.micro.epilogue import constants
from hwsim.kernels.micro.isa import ISAS, Isa, allowed
from hwsim.kernels.micro.panel import panel
from hwsim.kernels.micro.rounding import FORMS, Places, away_channels, find_form
from hwsim.numerics.rounding import ROUNDINGS, Rounding, Target

HERE: Final = tuple(isa for isa in ISAS if isa in allowed(target()[1]))
# Those of 16-bit activations and of elementwise products end no sum of bytes.
ELSEWHERE: Final = {"int16x8", "float32_added"}
VECTORISED: Final = tuple(rounding for rounding in ROUNDINGS if rounding.name not in ELSEWHERE)
LIMITS: Final = (37, 5, 250)

Function: Any = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 10)

# Multipliers of every exponent that a mantissa takes, among them powers of two, which make ties.
SMALL: Final = [2.0**-k for k in range(1, 34)] + [1e-12, 0.3, 0.0123, 0.4999999, 3e-5, 7e-8]
LARGE: Final = [0.5, 0.7, 0.999999, 1.0, 1.5, 2.0, 100.0, 3e8, 2.0**30, 2.0**31, 2.0**40]


def accumulators(rng: np.random.Generator, scale: float) -> IntArray:
    """Return 64 int32: ties of that multiplier, extremes, and whatever falls between."""
    ties = np.rint((np.arange(-20, 20) + 0.5) / scale) if scale > 2.0**-24 else np.zeros(40)
    near = ties[:30] + rng.integers(-1, 2, 30)
    edges = [0, 1, -1, (1 << 31) - 1, -(1 << 31), (1 << 31) - 2, 1 << 30, -(1 << 30), (1 << 30) - 1]
    wild = rng.integers(-(1 << 31), 1 << 31, 25)
    every = np.concatenate([near, edges, wild])
    return np.clip(every, -(1 << 31), (1 << 31) - 1).astype(np.int32)


def narrowed(isa: Isa, rounding: Rounding, values: IntArray, scales: Array, count: int) -> IntArray:
    """Return the bytes of accumulators [positions, channels]: a panel of no taps adds nothing."""
    channels = values.shape[1]
    vectors = channels // isa.lanes
    made = rounding.multipliers(1.0, scales, 1.0)
    form = find_form(rounding.name, made.values, made.exponents)
    assert form is not None
    order = isa.order(vectors)
    places = Places(
        rounding=rounding.name,
        values=made.values[order],
        exponents=made.exponents[order].astype(np.int64),
        is_away=away_channels(rounding.name, channels)[order],
        lanes=isa.lanes,
    )
    fields = FORMS[form].fields(places)
    function = Function(panel(isa, form, vectors, count))
    out = np.zeros((len(values), channels), np.uint8)
    room = np.zeros(channels + 256, np.uint8)
    for row, codes in zip(values, out, strict=True):
        words = constants(LIMITS, row[order], fields)
        function(0, np.zeros(16, np.int32).ctypes.data, 1, 0, 0, 0, 0, words.ctypes.data,
                 room.ctypes.data, 0)  # fmt: skip
        codes[:] = room[:channels]
    return out


@pytest.mark.parametrize("is_large", [False, True], ids=["small", "large"])
@pytest.mark.parametrize("rounding", VECTORISED, ids=lambda rounding: rounding.name)
@pytest.mark.parametrize("isa", HERE, ids=lambda isa: isa.name)
def test_vectors_round_as_their_twin(isa: Isa, rounding: Rounding, is_large: bool) -> None:
    rng = np.random.default_rng(1)
    scales = SMALL + LARGE if is_large else SMALL
    for vectors in {1, isa.vectors}:
        channels = vectors * isa.lanes
        chosen = np.resize(np.array(scales, np.float32), -(-len(scales) // channels) * channels)
        for part in chosen.reshape(-1, channels):
            values = np.stack([accumulators(rng, float(scale)) for scale in part], axis=1)
            zero, low, high = LIMITS
            # Signed, lest all roundings that know of signs be gemmlowp.
            goal = Target(zero_point=zero, low=low, high=high, dtype=np.dtype(np.int16))
            want = rounding.bind(1.0, part, 1.0, goal)(values)
            got = narrowed(isa, rounding, values, part, 2)
            wrong = np.argwhere(got != want)
            assert not len(wrong), (values[tuple(wrong[0])], part[wrong[0][1]])


def test_a_rounding_without_a_formula_has_no_form() -> None:
    (wide,) = (rounding for rounding in ROUNDINGS if rounding.name == "int16x8")
    made = wide.multipliers(1.0, np.array([0.25], np.float32), 1.0)
    assert find_form(wide.name, made.values, made.exponents) is None


def test_the_quickest_formula_of_gemmlowp_takes_multipliers_below_a_half() -> None:
    exponents = np.array([-1, -5], np.int32)
    values = np.array([1 << 30, 1 << 30], np.int32)
    assert find_form("gemmlowp", values, exponents) == 0
    assert find_form("gemmlowp", values, exponents + 1) == 2
    # A vanished multiplier has exponent 0, and yet any formula will do.
    assert find_form("gemmlowp", np.array([0, 1 << 30], np.int32), np.array([0, -1])) == 0
