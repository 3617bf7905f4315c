"""Constraints: what people write means what it says, and mistakes are one line."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import RecipeError
from hwsim.search import read_constraints, tightest

MEANT: dict[str, dict[str, float]] = {
    "latency_s <= 20e-3": {"latency_s": 0.02},
    "latency <= 20 ms": {"latency_s": 0.02},
    "latency<=20ms": {"latency_s": 0.02},
    "Latency <= 150 µs": {"latency_s": 150e-6},
    "latency <= 150 us": {"latency_s": 150e-6},
    "<= 7 ns": {"latency_s": 7e-9},
    "energy <= 1.5 mJ": {"energy_j": 1.5e-3},
    "<= 2 uJ": {"energy_j": 2e-6},
    "ram <= 256 KiB": {"peak_ram_bytes": 262144.0},
    "peak_ram_bytes <= 262144": {"peak_ram_bytes": 262144.0},
    "flash <= 1 MB": {"flash_bytes": 1e6},
    "flash <= 1 MiB": {"flash_bytes": 1048576.0},
    "fits": {},
    "fits 256 KiB RAM": {"peak_ram_bytes": 262144.0},
    "fits 2 MB flash@stm32l4r5_tflm": {"flash_bytes@stm32l4r5_tflm": 2e6},
    "accuracy >= 0.97": {"accuracy": 0.97},
    "accuracy >= 97 %": {"accuracy": 0.97},
    "top1>=97%": {"accuracy": 0.97},
    ">= 97 %": {"accuracy": 0.97},
    "latency@rpi4_xnnpack <= 1 ms": {"latency_s@rpi4_xnnpack": 1e-3},
    "latency @ a100_cuda<=1ms": {"latency_s@a100_cuda": 1e-3},
    "fits 256 KiB RAM, <= 20 ms, accuracy >= 0.97": {
        "peak_ram_bytes": 262144.0,
        "latency_s": 0.02,
        "accuracy": 0.97,
    },
    "ram <= 2 KiB, ram <= 1 KiB, accuracy >= 0.5, accuracy >= 0.6": {
        "peak_ram_bytes": 1024.0,
        "accuracy": 0.6,
    },
}

REFUSED: dict[str, str] = {
    "": "expected one such as 'latency < 20 ms'",
    "fast": "expected one such as",
    "latency = 3 ms": "expected one such as",
    "latency <= 3 ms ms": "expected one such as",
    "latency <= -3 ms": "expected one such as",
    "speed <= 3": "no figure 'speed'; known: latency, energy, ram, flash, accuracy",
    "latency <= 3 KiB": "latency_s has no unit 'KiB'; known: s, ms",
    "energy <= 3 MJ": "energy_j has no unit 'MJ'",
    "<= 256 KiB": "expected the name of a figure before it, as the unit KiB does not tell it",
    "<= 3": "as the unit (none) does not tell it",
    "latency >= 3 ms": "latency_s expected < or <=, got >=",
    "accuracy <= 0.9": "accuracy expected > or >=, got <=",
    "accuracy >= 97": "expected a share of at most 1, got 97; write 0.97 or 97 %",
    "fits 3 ms latency": "fits expected RAM or flash, got latency",
    "latency <= 1.2.3 s": "expected a number, got '1.2.3'",
    "ram <= 1e999": "expected a number, got '1e999'",
}


@pytest.mark.parametrize("text", MEANT)
def test_it_means_what_it_says(text: str) -> None:
    assert read_constraints(text) == pytest.approx(MEANT[text], rel=1e-15)


@pytest.mark.parametrize("text", REFUSED)
def test_a_mistake_is_one_line(text: str) -> None:
    with pytest.raises(RecipeError) as raised:
        read_constraints(text)
    told = str(raised.value)
    assert REFUSED[text] in told
    assert f"constraint {text!r}: " in told
    assert "\n" not in told


@given(st.floats(1e-9, 1e9))
def test_less_leaves_the_bound_out(bound: float) -> None:
    strict, lax = (read_constraints(f"latency {s} {bound!r}")["latency_s"] for s in ("<", "<="))
    assert lax == bound
    assert math.nextafter(strict, math.inf) == bound
    share = min(bound, 0.5)
    strict, lax = (read_constraints(f"accuracy {s} {share!r}")["accuracy"] for s in (">", ">="))
    assert lax == share
    assert math.nextafter(strict, -math.inf) == share


def test_the_hardest_limit_stays() -> None:
    limits = [{"latency_s": 2.0, "accuracy": 0.9}, {"latency_s@a": 1.0, "accuracy": 0.8}]
    assert tightest(limits) == {"latency_s": 2.0, "accuracy": 0.9, "latency_s@a": 1.0}
    assert tightest(reversed(limits)) == tightest(limits)
