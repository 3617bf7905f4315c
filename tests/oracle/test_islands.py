"""Models that go from codes to reals and back are LiteRT's, and are counted and priced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

import hwsim
from hwsim.arrays import Array
from hwsim.cost import count, price
from hwsim.errors import UnsupportedError
from hwsim.graph import Graph
from hwsim.lower import lower
from tests.devices import unit_device
from tests.oracle import litert
from tests.oracle.island_ops import EXACT, NEAR, product
from tests.oracle.single_ops import Case, Draw

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

SEEDS: Final = 16


def read(case: Case, folder: Path) -> Graph:
    path = folder / "case.tflite"
    path.write_bytes(case.content)
    return hwsim.load(path)


def both(case: Case, policy: str, folder: Path) -> tuple[Array, Array]:
    want = litert.outputs(case.content, case.x, policy)
    return hwsim.run(read(case, folder), case.x, numerics=policy).reshape(want.shape), want


@pytest.mark.parametrize("policy", litert.RESOLVERS)
@pytest.mark.parametrize("make", EXACT, ids=lambda make: make.__name__)
def test_islands_of_exact_steps(make: Callable[[Draw], Case], policy: str, tmp_path: Path) -> None:
    for seed in range(SEEDS):
        got, want = both(make(Draw(seed)), policy, tmp_path)
        assert int((got != want).sum()) == 0, seed


@pytest.mark.parametrize("policy", litert.RESOLVERS)
@pytest.mark.parametrize("make", NEAR, ids=lambda make: make.__name__)
def test_islands_of_sums(make: Callable[[Draw], Case], policy: str, tmp_path: Path) -> None:
    """An error of 1e-6 turns a code over where a real lies that near to a half: 1 in 10^4."""
    off = compared = 0
    for seed in range(SEEDS):
        got, want = both(make(Draw(seed)), policy, tmp_path)
        off, compared = off + int((got != want).sum()), compared + want.size
    assert off <= compared / 1000


def test_an_island_is_counted_and_priced_by_its_own_types(tmp_path: Path) -> None:
    program = lower(read(product(Draw(1)), tmp_path), unit_device())
    estimate = price(program, count(program))
    assert [(step.op, step.types) for step in estimate.steps] == [
        ("linear", "8x8"),
        ("dequantize", "8x8"),
        ("linear", "f32"),
        ("quantize", "8x8"),
        ("linear", "8x8"),
    ]
    assert [step.counts.macs for step in estimate.steps] == [144, 0, 84, 0, 35]
    assert all(step.latency_s > 0 for step in estimate.steps)


def test_a_device_without_float_rules_refuses_an_island_by_name(tmp_path: Path) -> None:
    device = unit_device()
    kernels = {
        name: rule.model_copy(update={"types": {"8x8": "native"}})
        for name, rule in device.runtime.kernels.items()
    }
    runtime = device.runtime.model_copy(update={"kernels": kernels})
    program = lower(
        read(product(Draw(1)), tmp_path), device.model_copy(update={"runtime": runtime})
    )
    with pytest.raises(UnsupportedError, match=r"^case/back: .* has no f32 kernel for linear"):
        price(program, count(program))
