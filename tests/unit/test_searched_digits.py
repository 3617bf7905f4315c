"""The recipe that a search found for the digits: where it dominates which others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import compressors
import hwsim
from examples.digits import digits, validation, with_shifts
from examples.dominance import COSTS, dominance
from examples.folds import ranked
from hwsim.data import Data
from hwsim.sweeps import sweep

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "build" / "demo"
DEVICES = (
    "stm32l4r5_tflm",
    "rpi4_xnnpack",
    "xeon8380_onnxruntime",
    "a100_cuda",
    "systolic64_sim",
)

needs_demo = pytest.mark.skipif(
    not (DEMO / "digits.pt2").exists(), reason="needs build/demo: make demo"
)


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


def fold(*trials: tuple[float, float, float, str | None, str | None]) -> pd.DataFrame:
    """Return what search writes, of (axis, accuracy on two devices, violated, refused)."""
    return pd.DataFrame(
        [
            {"trial": i, "stage": "search", "rate": rate, "device": device, "accuracy": accuracy}
            | {"violated": violated, "refused": refused}
            for i, (rate, first, second, violated, refused) in enumerate(trials)
            for device, accuracy in (("d", first), ("e", second))
        ]
    )


def test_folds_rank_by_the_mean_of_the_worst_devices() -> None:
    one = fold((0.1, 0.9, 0.8, None, None), (0.2, 0.7, 0.7, None, None))
    two = fold((0.1, 0.6, 0.6, None, None), (0.2, 0.8, 0.9, None, None))
    table = ranked([one, two])
    assert list(table.columns) == ["rate", "fold0", "fold1", "mean"]
    np.testing.assert_allclose(table.to_numpy(), [[0.2, 0.7, 0.8, 0.75], [0.1, 0.8, 0.6, 0.7]])


@pytest.mark.parametrize(("violated", "refused"), [("latency_s", None), (None, "too large")])
def test_what_breaks_a_limit_in_one_fold_is_not_ranked(
    violated: str | None, refused: str | None
) -> None:
    whole = fold((0.1, 0.9, 0.9, None, None), (0.2, 0.7, 0.7, None, None))
    broken = fold((0.1, 0.9, 0.9, violated, refused), (0.2, 0.7, 0.7, None, None))
    assert list(ranked([whole, broken])["rate"]) == [0.2]


def test_shifts_move_by_a_pixel_and_fill_with_zeros() -> None:
    x = np.arange(1, 129, dtype=np.float32).reshape(2, 1, 8, 8)
    shifted, labels = with_shifts((x, np.array([3, 4])))
    assert shifted.shape == (18, 1, 8, 8)
    assert labels.tolist() == [3, 4] * 9
    np.testing.assert_array_equal(shifted[:2], x)
    # The slow twin: every move by its own loop, whatever the order.
    wanted = set[bytes]()
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            moved = np.zeros((8, 8), np.float32)
            for i in range(8):
                for j in range(8):
                    if 0 <= i + down < 8 and 0 <= j + right < 8:
                        moved[i + down, j + right] = x[0, 0, i, j]
            wanted.add(moved.tobytes())
    assert {shifted[i, 0].tobytes() for i in range(0, 18, 2)} == wanted


def test_what_is_held_out_is_neither_trained_on_nor_tested() -> None:
    (_, _), (tested, _) = digits()
    seen: list[set[bytes]] = []
    for seed in (0, 1):
        (left, _), (aside, _) = validation(0.333, seed)
        held = {image.tobytes() for image in aside}
        assert not held & {image.tobytes() for image in left}
        assert not held & {image.tobytes() for image in tested}
        seen.append(held)
    assert seen[0] != seen[1]


def swept(recipes: tuple[str, ...], training: Data) -> pd.DataFrame:
    """Return what compare writes of the demo's network; recipes are names of files, or texts."""
    folder = ROOT / "examples" / "recipes"
    files = [folder / f"{name}.yaml" for name in recipes]
    return sweep(
        [hwsim.load(DEMO / "digits.pt2")],
        [compressors.parse(f if f.exists() else n) for f, n in zip(files, recipes, strict=True)],
        DEVICES,
        data=hwsim.load_data(DEMO / "digits_test.npz"),
        training_data=training,
    )


@pytest.mark.slow
@needs_demo
def test_the_recipe_of_the_first_round_dominates_the_fixed_one_of_its_kind() -> None:
    training = hwsim.load_data(DEMO / "digits_train.npz")
    found = swept(("filters50_int8", "searched_digits"), training)
    told = dominance(found, "searched for digits")
    # Kernels of 2:4 cost more there than they save.
    assert told.pop("a100_cuda")
    assert told == {device: [] for device in DEVICES if device != "a100_cuda"}


@pytest.mark.slow
@needs_demo
def test_the_recipe_of_the_second_round_dominates_every_fixed_one() -> None:
    training = hwsim.load_data(DEMO / "digits_train.npz")
    fixed = ("quantize", "none", "unstructured90_int8", "filters50_int8", "two_of_four_int8")
    x, y = with_shifts(digits()[0])
    rows = pd.concat(
        [
            swept(fixed, training),
            swept(("searched_digits_shifted",), Data(x=x, y=y, name="shifted")),
        ]
    )
    assert dominance(rows, "searched again for digits") == {device: [] for device in DEVICES}
