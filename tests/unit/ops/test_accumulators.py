"""Layers whose sums leave their register."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwsim.arrays import Array
from hwsim.errors import UnsupportedError
from hwsim.numerics import Accumulator, Numerics, Quant, find_policy
from hwsim.ops import Conv2d, Linear, MatMul
from hwsim.ops._accumulate import Sums, sums_of
from hwsim.tensor import Weight
from tests.cases import IMAGE, SMALL, UNSIGNED, A, B, Case, case, conv, linear

REGISTERS = [
    Accumulator(bits=bits, overflow=overflow, saturates_pairs=pairs)
    for bits in (12, 16, 20, 32, 48)
    for overflow in ("wrap", "saturate")
    for pairs in (False, True)
    if (bits, overflow, pairs) != (32, "wrap", False)
]
registers = pytest.mark.parametrize("register", REGISTERS, ids=str)
PLACES: dict[str, Case] = {
    "conv": case(conv(3, 3, 3, 4, padding=((2, 0), (1, 3)), stride=(1, 2)), IMAGE),
    "grouped": case(conv(6, 3, 2, 2, groups=3), SMALL),
    "depthwise": case(conv(12, 3, 3, 1, groups=6, padding=((1, 1), (1, 1)), x=B), SMALL, x=B),
    "linear": case(linear(5, 37), (2, 37)),
    "unsigned": case(linear(4, 21, x=UNSIGNED), (1, 21), x=UNSIGNED, y=UNSIGNED),
}
places = pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())


def numerics(register: Accumulator) -> Numerics:
    return replace(find_policy("tflm"), accumulator=register)


def summed(register: Accumulator, x: Array, w: Array, bias: int, zero: int, low: int) -> int:
    """Return one sum in Python integers, by the definition."""
    total = 0
    centre = low if register.saturates_pairs else zero
    terms = [(int(a) - centre) * int(b) for a, b in zip(x, w, strict=True)]
    if register.saturates_pairs:
        pairs = [sum(terms[i : i + 2]) for i in range(0, len(terms), 2)]
        terms = [max(-32768, min(32767, pair)) for pair in pairs]
        bias += (low - zero) * int(w.sum())
    for term in (*terms, bias):
        total += term
        if register.overflow == "saturate":
            total = max(register.low, min(register.high, total))
        else:
            total = (total - register.low) % (1 << register.bits) + register.low
    return total


@registers
@places
def test_sums_equal_their_loops(place: Case, register: Accumulator) -> None:
    op, x = place.op, place.inputs[0].quant
    assert isinstance(op, Conv2d | Linear)
    assert x is not None
    (codes,) = place.samples(2)
    patches = op.patches(codes, x.zero_point[0])
    got, overflowed = sums_of(op, place.site(numerics(register)))(patches)
    rows = op.weight.matrix.reshape(patches.shape[-2], -1, patches.shape[-1]).astype(int)
    bias = np.zeros(len(op.weight.codes), int) if op.bias is None else op.bias.codes
    flat = patches.reshape(-1, *patches.shape[-2:])
    expected = [
        summed(register, seen[g], row, int(bias[g * rows.shape[1] + m]), x.zero_point[0], x.low)
        for seen in flat
        for g, group in enumerate(rows)
        for m, row in enumerate(group)
    ]
    assert got.reshape(-1).tolist() == expected
    if register.bits == 12:
        assert overflowed > 0
    if register.bits == 48 and not register.saturates_pairs:
        assert overflowed == 0


@places
def test_a_wide_register_gives_the_codes_of_the_default_one(place: Case) -> None:
    (x,) = place.samples(3)
    (expected,) = place.op.prepare(place.site(find_policy("tflm")))(x)
    for overflow in ("wrap", "saturate"):
        wide = numerics(Accumulator(bits=40, overflow=overflow))
        (got,) = place.op.prepare(place.site(wide))(x)
        np.testing.assert_array_equal(got, expected)


@places
def test_a_narrow_register_changes_codes(place: Case) -> None:
    (x,) = place.samples(3)
    (exact,) = place.op.prepare(place.site(find_policy("tflm")))(x)
    (got,) = place.op.prepare(place.site(numerics(Accumulator(bits=12))))(x)
    assert got.dtype == exact.dtype
    assert (got != exact).any()


@registers
def test_matmul(register: Accumulator) -> None:
    quant, y = Quant(scale=(0.02,)), Quant(scale=(1.0,))
    for transpose_b in (False, True):
        shapes = (2, 3, 11), (2, 5, 11) if transpose_b else (2, 11, 5)
        place = case(MatMul(transpose_b=transpose_b), *shapes, x=(A, quant), y=y)
        a, b = place.samples(2)
        totals, _ = MatMul(transpose_b=transpose_b).sums(place.site(numerics(register)))(a, b)
        right = b if transpose_b else b.swapaxes(-1, -2)
        for i in np.ndindex(*totals.shape):
            args = a[i[:-1]], right[(*i[:-2], i[-1])].astype(int)
            assert totals[i] == summed(register, *args, 0, A.zero_point[0], A.low)


def sums(weights: Any, bias: Any, register: Accumulator, quant: Quant = A) -> Sums:
    return Sums(
        accumulator=register,
        quant=quant,
        weights=np.asarray(weights, np.int16),
        bias=np.asarray(bias, np.int64),
    )


def test_what_cannot_overflow_is_known_without_a_run() -> None:
    # Codes -128..127 with zero point 3 reach 131 in magnitude: 250 * 131 = 32750.
    sixteen = Accumulator(bits=16)
    assert not sums([[[125, -125]]], [[17]], sixteen).can_overflow
    assert sums([[[125, -125]]], [[18]], sixteen).can_overflow
    assert not sums([[[127] * 500]], [[0]], Accumulator()).can_overflow
    assert sums([[[127] * 500]], [[(1 << 31) - 1]], Accumulator()).can_overflow
    # Bytes reach 255 in pairs: 128 * 255 = 32640 fits, 129 * 255 does not.
    pairs = Accumulator(saturates_pairs=True)
    assert not sums([[[64, 64, 127]]], [[0]], pairs).can_overflow
    assert sums([[[64, 65, 0]]], [[0]], pairs).can_overflow


def test_what_the_bound_calls_safe_never_overflows() -> None:
    rng = np.random.default_rng(0)
    for seed in range(200):
        bits, depth = int(rng.integers(8, 24)), int(rng.integers(1, 40))
        register = Accumulator(bits=bits, saturates_pairs=bool(seed % 2))
        largest = max(1, min(127, (1 << bits) // (400 * depth)))
        weights = rng.integers(-largest, largest + 1, (1, 3, depth))
        made = sums(weights, np.zeros((1, 3)), register)
        ends = np.where(weights[0, :, None] > 0, 127, -128)
        _, overflowed = made(np.concatenate([ends, -1 - ends], axis=0))
        assert overflowed == 0 or made.can_overflow


def test_pairs_take_signed_weights_only() -> None:
    codes = np.full((2, 6), 7, np.uint8)
    weight = Weight(codes=codes, quant=Quant(scale=(0.1,), zero_point=(9,), signed=False))
    place = case(Linear(weight=weight), (1, 6))
    with pytest.raises(UnsupportedError, match="net/op: pairs of products in 16 bits take signed"):
        place.op.prepare(place.site(numerics(Accumulator(saturates_pairs=True))))


def test_other_layers_refuse_another_register() -> None:
    place = case(linear(3, 5, x=None), (1, 5), x=None, y=None)
    with pytest.raises(UnsupportedError, match="net/op: a layer that quantizes its inputs"):
        place.op.prepare(place.site(numerics(Accumulator(bits=16))))
