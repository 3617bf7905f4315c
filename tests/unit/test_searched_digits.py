"""The recipe that a search found for the digits: where it dominates which others."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import compressors
import hwsim
from examples.dominance import COSTS, dominance
from hwsim.sweeps import sweep

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "build" / "demo"
DEVICES = ("stm32l4r5_tflm", "rpi4_xnnpack", "systolic64_sim")


def rows(*found: tuple[str, float, float]) -> pd.DataFrame:
    """Return what compare writes, of (recipe, every cost, accuracy)."""
    return pd.DataFrame(
        [
            {"recipe": recipe, "device": "d", **dict.fromkeys(COSTS, cost), "top1": top1}
            for recipe, cost, top1 in found
        ]
    )


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ((2.0, 0.8), []),
        ((1.0, 0.8), []),
        ((2.0, 0.9), []),
        ((1.0, 0.9), ["b: equal in all"]),
        ((0.5, 0.8), [f"b: {name} 0.5 < 1" for name in COSTS]),
        ((2.0, 0.95), ["b: top-1 0.9500 > 0.9000"]),
    ],
)
def test_what_dominates_is_never_worse_and_once_better(
    other: tuple[float, float], told: list[str]
) -> None:
    assert dominance(rows(("a", 1.0, 0.9), ("b", *other)), "a") == {"d": told}


def test_what_is_refused_is_no_rival() -> None:
    refused = rows(("a", 1.0, 0.9), ("b", float("nan"), float("nan")))
    assert dominance(refused, "a") == {"d": []}


@pytest.mark.slow
@pytest.mark.skipif(not (DEMO / "digits.pt2").exists(), reason="needs build/demo: make demo")
def test_the_recipe_found_dominates_the_fixed_one_of_its_kind() -> None:
    names = ("filters50_int8", "searched_digits")
    recipes = [compressors.parse(ROOT / "examples" / "recipes" / f"{n}.yaml") for n in names]
    found = sweep(
        [hwsim.load(DEMO / "digits.pt2")],
        recipes,
        DEVICES,
        data=hwsim.load_data(DEMO / "digits_test.npz"),
        training_data=hwsim.load_data(DEMO / "digits_train.npz"),
    )
    assert dominance(found, "searched for digits") == {device: [] for device in DEVICES}
