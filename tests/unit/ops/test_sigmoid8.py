"""Functions of 8-bit codes as TensorFlow Lite Micro computes them, near what they mean."""

from __future__ import annotations

import numpy as np
import pytest

from hwsim.numerics import Quant, find_policy
from hwsim.op import Site
from hwsim.ops import Elementary
from hwsim.ops._sigmoid8 import bind_fixed, logistic_float32
from hwsim.tensor import TensorType

MADE = {
    "logistic": Quant(scale=(1 / 256,), zero_point=(-128,)),
    "tanh": Quant(scale=(1 / 128,), zero_point=(0,)),
}
CODES = np.arange(-128, 128, dtype=np.int8)


@pytest.mark.parametrize("function", ["logistic", "tanh"])
@pytest.mark.parametrize("scale", [2.0**-10, 0.01, 2.0**-4, 0.11, 0.6, 7.0])
@pytest.mark.parametrize("zero", [-128, -3, 0, 127])
def test_fixed_point_is_within_a_step(function: str, scale: float, zero: int) -> None:
    x, y = Quant(scale=(scale,), zero_point=(zero,)), MADE[function]
    kernel = bind_fixed(function, x, y)
    assert kernel is not None
    (codes,) = kernel(CODES)
    real = x.decode(CODES)
    exact = np.tanh(real) if function == "tanh" else (1 + np.tanh(real / 2)) / 2
    steps = np.clip(exact / y.scale[0] + y.zero_point[0], -128, 127)
    # Half a step, 2^-7 of a step in the functions, and what lies beyond 15 counts as 1.
    assert np.abs(codes - steps).max() <= 0.51
    assert (np.diff(codes.astype(int)) >= 0).all()


@pytest.mark.parametrize(
    ("function", "x", "y"),
    [
        ("gelu", MADE["tanh"], MADE["tanh"]),
        ("tanh", MADE["tanh"], Quant(scale=(1 / 64,))),
        ("logistic", Quant(scale=(0.1,), signed=False), MADE["logistic"]),
        ("tanh", Quant(scale=(0.1,), bits=4), MADE["tanh"]),
    ],
)
def test_what_has_no_arithmetic_of_its_own(function: str, x: Quant, y: Quant) -> None:
    assert bind_fixed(function, x, y) is None


def test_the_policy_chooses() -> None:
    x, y = TensorType(shape=(1, 256), quant=Quant(scale=(0.1,))), MADE["logistic"]
    made = TensorType(shape=(1, 256), quant=y)
    results = [
        Elementary(function="logistic").prepare(
            Site(name="net/op", inputs=(x,), outputs=(made,), numerics=find_policy(name))
        )(CODES[None, None])[0]
        for name in ("tflm", "tflite-ref")
    ]
    assert x.quant is not None
    fixed = bind_fixed("logistic", x.quant, y)
    assert fixed is not None
    assert results[0].reshape(-1).tolist() == fixed(CODES)[0].tolist()
    assert np.abs(results[0].astype(int) - results[1]).max() <= 1


def test_tables_of_the_logistic_function_are_float32_throughout() -> None:
    # Exactly, this is 128.49999746 / 256; as one rounding to float32 it is 128.5 / 256.
    x = np.array([2.0**-7], np.float32)
    assert logistic_float32(x).dtype == np.float32
    assert logistic_float32(x)[0] * 256 < 128.5
    assert np.float32(1 / (1 + np.exp(-np.float64(x[0])))) * 256 == 128.5
