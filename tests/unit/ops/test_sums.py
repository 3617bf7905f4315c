"""Sums of other runtimes than TFLite's reference, beside loops in Python numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from hwsim.arrays import Array, Shape
from hwsim.numerics import Numerics, Quant, find_policy
from hwsim.numerics.multiplier import fixed_point
from hwsim.op import Site
from hwsim.ops import Add, Sub
from hwsim.ops.add import formula_of
from hwsim.tensor import TensorType

X = Quant(scale=(0.0625,), zero_point=(3,))
TINY = Quant(scale=(1.7e-6,), zero_point=(-100,))
Y = Quant(scale=(0.125,), zero_point=(-7,))
POLICY = find_policy("tflite-ruy")


def site(a: Shape, b: Shape, y: Shape, numerics: Numerics, second: Quant = TINY) -> Site:
    types = (TensorType(shape=a, quant=X), TensorType(shape=b, quant=second))
    outputs = (TensorType(shape=y, quant=Y),)
    return Site(name="net/sum", inputs=types, outputs=outputs, numerics=numerics)


def half_up(x: Fraction) -> int:
    return math.floor(x + Fraction(1, 2))


def gemmlowp(x: int, mantissa: int, exponent: int) -> int:
    high = half_up(Fraction(x * mantissa, 1 << 31))
    down = Fraction(high, 1 << -exponent)
    return half_up(down) if down >= 0 else -half_up(-down)


def code(a: int, b: int, way: str) -> int:
    """Return the code of a sum whose inputs are rescaled as `way` says."""
    twice = 2 * max(X.scale[0], TINY.scale[0])
    reals = (X.scale[0] / twice, TINY.scale[0] / twice, twice / (2**20 * Y.scale[0]))
    (m_a, m_b, m_y), (e_a, e_b, e_y) = (v.tolist() for v in fixed_point(np.array(reals)))

    def rescaled(x: int, m: int, e: int) -> int:
        if way == "once":
            return half_up(Fraction(math.floor(Fraction(x << 20, 1 << -e)) * m, 1 << 31))
        if way == "floored":
            return math.floor(Fraction(half_up(Fraction((x << 20) * m, 1 << 31)), 1 << -e))
        if way == "single":
            return half_up(Fraction((x << 20) * m, 1 << (31 - e)))
        return gemmlowp(x << 20, m, e)

    total = rescaled(a - X.zero_point[0], m_a, e_a) + rescaled(b - TINY.zero_point[0], m_b, e_b)
    if way == "single":
        y = half_up(Fraction(total * m_y, 1 << (31 - e_y)))
    else:
        y = gemmlowp(total, m_y, e_y)
    return max(-128, min(127, y + Y.zero_point[0]))


def ways(a: Shape, b: Shape) -> list[str]:
    """Return how each element is summed, by walking the output as LiteRT's loops do."""
    shape = np.broadcast_shapes(a, b)
    if a == b:
        run, lanes, way = math.prod(shape), 16, "once"
    elif a[-1] == b[-1] > 1:
        run, lanes, way = shape[-1], 16, "once"
    else:
        run, lanes, way = shape[-1], 8, "floored"
    in_lanes = run // lanes * lanes
    return ([way] * in_lanes + ["reference"] * (run - in_lanes)) * (math.prod(shape) // run)


def operands(a: Shape, b: Shape) -> tuple[Array, Array]:
    rng = np.random.default_rng(1)
    return (
        rng.integers(-128, 128, (2, *a)).astype(np.int8),
        rng.integers(-128, 128, (2, *b)).astype(np.int8),
    )


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((1, 7, 5), (1, 7, 5)),
        ((1, 6, 19), (1, 1, 19)),
        ((1, 6, 33), (1, 6, 1)),
        ((1, 4, 1), (1, 1, 21)),
        ((1, 3), (1, 3)),
    ],
)
def test_vectors_of_litert(a: Shape, b: Shape) -> None:
    x, z = operands(a, b)
    shape = np.broadcast_shapes(a, b)
    (got,) = Add().prepare(site(a, b, shape, POLICY))(x, z)
    left, right = (np.broadcast_to(v, (2, *shape)).reshape(2, -1).tolist() for v in (x, z))
    for sample in range(2):
        assert got[sample].reshape(-1).tolist() == [
            code(p, q, way)
            for p, q, way in zip(left[sample], right[sample], ways(a, b), strict=True)
        ]
    reference = replace(POLICY, add="shift20")
    (scalar,) = Add().prepare(site(a, b, shape, reference))(x, z)
    expected = [code(p, q, "reference") for p, q in zip(left[0], right[0], strict=True)]
    assert scalar[0].reshape(-1).tolist() == expected


def test_differences_have_no_vectors() -> None:
    x, z = operands((1, 40), (1, 40))
    place = site((1, 40), (1, 40), (1, 40), POLICY)
    reference = replace(place, numerics=replace(POLICY, add="shift20"))
    np.testing.assert_array_equal(Sub().prepare(place)(x, z), Sub().prepare(reference)(x, z))


def test_one_rounding_per_rescaling() -> None:
    x, z = operands((1, 300), (1, 300))
    place = site((1, 300), (1, 300), (1, 300), find_policy("cmsis-nn"))
    (got,) = Add().prepare(place)(x, z)
    pairs = zip(x[0, 0].tolist(), z[0, 0].tolist(), strict=True)
    assert got[0, 0].tolist() == [code(p, q, "single") for p, q in pairs]


def test_float32_halves_go_away_from_zero() -> None:
    # (x - 3) / 2 - 7, halves included, and nothing of b.
    x, z = np.arange(-20, 20, dtype=np.int8)[None, None], np.full((1, 1, 40), -100, np.int8)
    (got,) = Add().prepare(site((1, 40), (1, 40), (1, 40), find_policy("trunc")))(x, z)
    exact = [Fraction(v - 3, 2) - 7 for v in range(-20, 20)]
    away = [math.floor(abs(v) + Fraction(1, 2)) * (1 if v > 0 else -1) for v in exact]
    assert got[0, 0].tolist() == away


@pytest.mark.parametrize(
    ("scale", "formula"),
    [
        (0.125 * 2.0**-10, "fixed20"),
        (0.124 * 2.0**-10, "shift20_lanes"),
        (0.124 * 2.0**8, "fixed20"),
        (0.125 * 2.0**8, "shift20_lanes"),
    ],
)
def test_xnnpack_leaves_scales_far_apart_to_litert(scale: float, formula: str) -> None:
    second = Quant(scale=(float(np.float32(scale)),))
    assert formula_of(site((1, 2), (1, 2), (1, 2), find_policy("xnnpack"), second)) == formula
