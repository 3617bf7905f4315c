"""Sums in narrow registers beside the same in Python integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hwsim.kernels.accumulate import accumulate, accumulate_pairs, held
from hwsim.numerics import Accumulator


def in_register(total: int, bits: int, *, saturates: bool) -> int:
    """Return what `bits` bits keep of `total`."""
    half = 1 << (bits - 1)
    if saturates:
        return max(-half, min(half - 1, total))
    return (total + half) % (1 << bits) - half


def twin(
    x: list[int], w: list[int], bias: int, register: Accumulator, *, pairs: bool
) -> tuple[int, bool]:
    """Return the sum, and whether anything overflowed."""
    terms = [a * b for a, b in zip(x, w, strict=True)]
    has_overflowed = False
    if pairs:
        sums = [sum(terms[i : i + 2]) for i in range(0, len(terms), 2)]
        terms = [in_register(term, 16, saturates=True) for term in sums]
        has_overflowed = terms != sums
    total = 0
    for term in (*terms, bias):
        kept = in_register(total + term, register.bits, saturates=register.overflow == "saturate")
        has_overflowed |= kept != total + term
        total = kept
    return total, has_overflowed


@pytest.mark.parametrize("pairs", [False, True])
@given(
    bits=st.integers(8, 64),
    overflow=st.sampled_from(["wrap", "saturate"]),
    depth=st.integers(1, 9),
    seed=st.integers(0, 1 << 32),
    low=st.sampled_from([-255, -20, 0]),
)
@example(bits=16, overflow="wrap", depth=9, seed=0, low=0)
@example(bits=64, overflow="saturate", depth=9, seed=0, low=-255)
def test_equals_its_twin(
    pairs: bool, bits: int, overflow: str, depth: int, seed: int, low: int
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0 if pairs else low, 256, (4, 2, depth)).astype(np.int16)
    w = rng.integers(-128, 128, (2, 3, depth)).astype(np.int16)
    # Half of the neighbours agree, so that their pairs leave 16 bits.
    x[:2], w[:, :2] = 255, -128 if seed % 2 else 127
    bias = rng.integers(-40000, 40000, (2, 3))
    register = Accumulator(bits=bits, overflow="wrap" if overflow == "wrap" else "saturate")
    out = np.empty((4, 2, 3), np.int64)
    run = accumulate_pairs if pairs else accumulate
    count = run(x, w, bias, register.low, register.high, overflow == "saturate", out)
    expected = [
        twin(x[p, g].tolist(), w[g, m].tolist(), int(bias[g, m]), register, pairs=pairs)
        for p in range(4)
        for g in range(2)
        for m in range(3)
    ]
    assert out.reshape(-1).tolist() == [total for total, _ in expected]
    assert count == sum(overflowed for _, overflowed in expected)


@pytest.mark.parametrize("saturates", [False, True])
def test_all_sums_of_few_bits(saturates: bool) -> None:
    for bits in (8, 9):
        low, high = Accumulator(bits=bits).low, Accumulator(bits=bits).high
        for total in range(-1200, 1200):
            assert held(total, low, high, saturates) == in_register(
                total, bits, saturates=saturates
            )


def test_the_order_of_sums_is_part_of_the_result() -> None:
    # 100 + 100 - 100 in 8 bits that saturate: 127 less 100, and 100 where the last comes second.
    register, out = Accumulator(bits=8, overflow="saturate"), np.empty((1, 1, 2), np.int64)
    weights = np.array([[[1, 1, -1], [1, -1, 1]]], np.int16)
    x = np.full((1, 1, 3), 100, np.int16)
    bias = np.zeros((1, 2), np.int64)
    assert accumulate(x, weights, bias, register.low, register.high, True, out) == 1
    assert out.reshape(-1).tolist() == [27, 100]
